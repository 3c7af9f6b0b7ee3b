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
	scripts.RWMutexWriteAcquire:  {leastAnnounced, 0, 1},
	scripts.RWMutexWriteExtend:   {-1, 0, 1},
	scripts.RWMutexWriteRelease:  {-1, 0, 1},
	scripts.RWMutexWriteCheck:    {-1, 0, 1},
	scripts.RWMutexWritePass:     {-1, 0, 1, 2},
	scripts.RWMutexWriteWithdraw: {-1, 1},
	scripts.RWMutexReadWithdraw:  {-1, 1},
	scripts.RWMutexReadAcquire:   {leastAnnounced, -2, 0, 1},
	scripts.RWMutexReadExtend:    {-1, 0, 1, 2},
	scripts.RWMutexReadRepair:    {0, 1},
	scripts.RWMutexReadRelease:   {-1, 0, 1},
	scripts.RWMutexReadCheck:     {-1, 0, 1},
	scripts.RWMutexDowngrade:     {-1, 0, 1, 2},
}

// The tests of the test: a fake whose writers do not see readers, and one whose
// readers do not see tickets.
func TestFakeReadWriteLockGoesRedWhenItIsWrong(t *testing.T) {
	node := redistest.StartOne(t)
	for name, wrong := range map[string]func(*fakeRW){
		scripts.RWMutexWriteAcquire.Name(): func(l *fakeRW) { l.blind = true },
		"rwmutex_read_":                    func(l *fakeRW) { l.deaf = true },
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
	reply := d.send(scripts.RWMutexWriteAcquire, d.keys, args...)
	d.outlive(lifetime, reply, scripts.RWMutexWriteCheck, d.keys, token)
}

func (d *rwDiff) read() {
	token, lifetime := d.contender(), d.lifetime()
	args := append([]any{token, lifetime, d.reader(), d.minutes()}, d.replaceable(token)...)
	reply := d.send(scripts.RWMutexReadAcquire, d.keys, args...)
	d.outlive(lifetime, reply, scripts.RWMutexReadCheck, d.keys, token)
}

// keep sends what prolongs a hold: leases never get shorter by it, so that a
// short lifetime would not always end.
func (d *rwDiff) keep() {
	script := pick(d.random, scripts.RWMutexWriteExtend, scripts.RWMutexWritePass, scripts.RWMutexReadExtend,
		scripts.RWMutexReadRepair, scripts.RWMutexDowngrade)
	d.send(script, d.keys, d.contender(), d.minutes())
}

func (d *rwDiff) tell() {
	d.send(pick(d.random, scripts.RWMutexWriteCheck, scripts.RWMutexReadCheck), d.keys, d.contender())
}

func (d *rwDiff) release() {
	if d.random.IntN(2) == 0 {
		d.send(scripts.RWMutexReadRelease, d.keys, d.contender(), d.reader(), d.minutes())
		return
	}
	d.send(scripts.RWMutexWriteRelease, d.keys, d.contender(), d.ticket(), d.minutes())
}

func (d *rwDiff) withdraw() {
	if d.random.IntN(2) == 0 {
		d.send(scripts.RWMutexReadWithdraw, d.keys, pick[any](d.random, "c|reader", "c|other reader"))
		return
	}
	d.send(scripts.RWMutexWriteWithdraw, d.keys, pick[any](d.random, "c|ticket", "c|other ticket"))
}
