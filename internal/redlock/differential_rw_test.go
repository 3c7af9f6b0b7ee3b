package redlock

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

func TestFakeReadWriteLockAnswersAsAServerDoes(t *testing.T) {
	node := redistest.StartOne(t)
	ran := make(map[string]int)
	for _, seed := range chosenSeeds(t) {
		d := newRWDiff(t, node, seed)
		require.NoError(t, d.run(commands))
		for kind, n := range d.ran {
			ran[kind] += n
		}
	}
	t.Logf("script and reply, and how often: %v", ran)
	if os.Getenv(seedVariable) != "" {
		return
	}
	for script, replies := range rwReplies {
		for _, reply := range replies {
			require.Positive(t, ran[fmt.Sprint(script.Name(), " ", reply)], "%s never answered %d", script.Name(), reply)
		}
	}
}

// rwReplies are all the replies that there are.
var rwReplies = map[*scripts.Script][]int{
	scripts.RWMutex().WriteAcquire:  {maxAnnounced, 0, 1},
	scripts.RWMutex().WriteExtend:   {-1, 0, 1},
	scripts.RWMutex().WriteRelease:  {-1, 0, 1},
	scripts.RWMutex().WriteCheck:    {-1, 0, 1},
	scripts.RWMutex().WritePass:     {-1, 0, 1, 2},
	scripts.RWMutex().WriteWithdraw: {-1, 1},
	scripts.RWMutex().ReadWithdraw:  {-1, 1},
	scripts.RWMutex().ReadAcquire:   {maxAnnounced, -2, 0, 1},
	scripts.RWMutex().ReadExtend:    {-1, 0, 1, 2},
	scripts.RWMutex().ReadRepair:    {0, 1},
	scripts.RWMutex().ReadRelease:   {-1, 0, 1},
	scripts.RWMutex().ReadCheck:     {-1, 0, 1},
	scripts.RWMutex().Downgrade:     {-1, 0, 1, 2},
}

// The tests of the test: a fake whose writers do not see readers, and one whose
// readers do not see tickets.
func TestFakeReadWriteLockGoesRedWhenItIsWrong(t *testing.T) {
	node := redistest.StartOne(t)
	for name, wrong := range map[string]func(*fakeRW){
		scripts.RWMutex().WriteAcquire.Name(): func(l *fakeRW) { l.blind = true },
		"rwmutex_read_":                       func(l *fakeRW) { l.deaf = true },
	} {
		d := newRWDiff(t, node, 0)
		wrong(d.fake.rwLock(d.keys[0].(string)))
		require.ErrorContains(t, d.run(commands), name)
	}
}

// rwDiff sends the commands of a read-write lock. Its tokens may be writers and
// readers by turns, as those of a downgrade are.
type rwDiff struct {
	*diff
	keys []any
}

func newRWDiff(t *testing.T, node *redistest.Node, seed uint64) *rwDiff {
	d := &rwDiff{newDiff(t, node, seed), writeProtocol.keys(redistest.Name(t))}
	t.Cleanup(func() {
		for _, key := range d.keys {
			_, _ = node.TryDo("DEL", key)
		}
	})
	return d
}

func (d *rwDiff) run(n int) error {
	for len(d.trace) < n && d.differ == nil {
		pick(d.random, d.write, d.read, d.read, d.keep, d.keep, d.tell, d.release, d.withdraw)()
	}
	return d.differ
}

// ticket is mostly that of one of two waiting writers.
func (d *rwDiff) ticket() any { return pick[any](d.random, "", "c|ticket", "c|other ticket") }

// reader is mostly the place of one of two waiting readers.
func (d *rwDiff) reader() any { return pick[any](d.random, "", "c|reader", "c|other reader") }

func (d *rwDiff) write() {
	token, lifetime := d.contender(), d.lifetime()
	args := append([]any{token, lifetime, d.ticket(), d.minutes()}, d.replaceable(token)...)
	reply := d.send(scripts.RWMutex().WriteAcquire, d.keys, args...)
	d.outlive(lifetime, reply, scripts.RWMutex().WriteCheck, d.keys, token)
}

func (d *rwDiff) read() {
	token, lifetime := d.contender(), d.lifetime()
	args := append([]any{token, lifetime, d.reader(), d.minutes()}, d.replaceable(token)...)
	reply := d.send(scripts.RWMutex().ReadAcquire, d.keys, args...)
	d.outlive(lifetime, reply, scripts.RWMutex().ReadCheck, d.keys, token)
}

// keep sends what prolongs a hold: leases never get shorter by it, so that a
// short lifetime would not always end.
func (d *rwDiff) keep() {
	script := pick(d.random, scripts.RWMutex().WriteExtend, scripts.RWMutex().WritePass, scripts.RWMutex().ReadExtend,
		scripts.RWMutex().ReadRepair, scripts.RWMutex().Downgrade)
	d.send(script, d.keys, d.contender(), d.minutes())
}

func (d *rwDiff) tell() {
	d.send(pick(d.random, scripts.RWMutex().WriteCheck, scripts.RWMutex().ReadCheck), d.keys, d.contender())
}

func (d *rwDiff) release() {
	if d.random.IntN(2) == 0 {
		d.send(scripts.RWMutex().ReadRelease, d.keys, d.contender(), d.reader(), d.minutes())
		return
	}
	d.send(scripts.RWMutex().WriteRelease, d.keys, d.contender(), d.ticket(), d.minutes())
}

func (d *rwDiff) withdraw() {
	if d.random.IntN(2) == 0 {
		d.send(scripts.RWMutex().ReadWithdraw, d.keys, pick[any](d.random, "c|reader", "c|other reader"))
		return
	}
	d.send(scripts.RWMutex().WriteWithdraw, d.keys, pick[any](d.random, "c|ticket", "c|other ticket"))
}
