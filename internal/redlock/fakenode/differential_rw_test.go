package fakenode

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

func TestFakeReadWriteLockAnswersAsAServerDoes(t *testing.T) {
	node := redistest.StartOne(t)
	ran := make(map[string]int)
	for _, seed := range redistest.Seeds(t, seeds) {
		d := newRWDiff(t, node, seed)
		require.NoError(t, d.run(commands))
		for kind, n := range d.ran {
			ran[kind] += n
		}
	}
	t.Logf("script and reply, and how often: %v", ran)
	if os.Getenv(redistest.SeedVariable) != "" {
		return
	}
	require.Positive(t, ran["messages granted"])
	require.Positive(t, ran["messages notified"])
	for script, replies := range rwReplies {
		for _, reply := range replies {
			require.Positive(t, ran[fmt.Sprint(script.Name(), " ", reply)], "%s never answered %d", script.Name(), reply)
		}
	}
}

// rwKinds are the keys of a read-write lock.
var rwKinds = []string{":w", ":r", ":i", ":o", ":a"}

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
	for name, wrong := range map[string]func(*RW){
		scripts.RWMutex().WriteAcquire.Name(): func(l *RW) { l.WritersPassReaders = true },
		"rwmutex_read_":                       func(l *RW) { l.ReadersPassWriters = true },
	} {
		d := newRWDiff(t, node, 0)
		wrong(d.fake.RW(d.keys[0].(string)))
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
	d := &rwDiff{newDiff(t, node, seed), auxKeys(redistest.Name(t), rwKinds...)}
	t.Cleanup(func() {
		for _, key := range d.keys {
			_, _ = node.TryDo("DEL", key)
		}
	})
	return d
}

func (d *rwDiff) run(n int) error {
	d.alone()
	d.lasting()
	for len(d.trace) < n && d.differ == nil {
		pick(d.random, d.write, d.write, d.read, d.keep, d.keep, d.check, d.release, d.release, d.release, d.release, d.withdraw, d.withdraw)()
	}
	return d.ended()
}

// alone sends what a writer does without waiters, as later there mostly are some.
func (d *rwDiff) alone() {
	token := d.contender()
	d.send(scripts.RWMutex().WriteAcquire, d.keys, token, d.minutes(), "", int64(0))
	d.send(scripts.RWMutex().WriteCheck, d.keys, token)
	d.send(scripts.RWMutex().WriteExtend, d.keys, token, d.minutes())
	d.send(scripts.RWMutex().WritePass, d.keys, token, d.minutes())
	d.send(scripts.RWMutex().WriteRelease, d.keys, token, "", int64(0))
}

// lasting sends a reader's short extensions, which do not shorten its lease.
func (d *rwDiff) lasting() {
	token := d.contender()
	d.send(scripts.RWMutex().ReadAcquire, d.keys, token, d.minutes(), "", int64(0))
	for _, script := range []*scripts.Script{scripts.RWMutex().ReadExtend, scripts.RWMutex().ReadRepair, scripts.RWMutex().Downgrade} {
		d.send(script, d.keys, token, int64(1))
		time.Sleep(2 * time.Millisecond)
		d.send(scripts.RWMutex().ReadCheck, d.keys, token)
	}
	d.send(scripts.RWMutex().ReadRelease, d.keys, token, "", int64(0))
}

// ticket is mostly that of one of some waiting writers.
func (d *rwDiff) ticket() any {
	return pick(d.random, "", "", "", d.grants.toNotify("writer"), any(d.grants.id(0)), any(d.grants.id(1)), "absent|1|600000|absent")
}

// reader is mostly the place of one of some waiting readers.
func (d *rwDiff) reader() any {
	return pick(d.random, "", "", "", d.grants.toNotify("reader"), any(d.grants.id(2)), any(d.grants.id(3)), "absent|2|600000|absent")
}

// owner is one that may have a lease, perhaps by a grant.
func (d *rwDiff) owner() any {
	return pick(d.random, d.diff.owner(), d.grants.token(2), d.grants.token(3))
}

func (d *rwDiff) write() {
	token, lifetime := d.contender(), d.lifetime()
	args := append([]any{token, lifetime, d.ticket(), d.look()}, d.replaceable(token)...)
	reply := d.send(scripts.RWMutex().WriteAcquire, d.keys, args...)
	d.outlive(lifetime, reply, scripts.RWMutex().WriteCheck, d.keys, token)
}

func (d *rwDiff) read() {
	token, lifetime := d.contender(), d.lifetime()
	args := append([]any{token, lifetime, d.reader(), d.look()}, d.replaceable(token)...)
	reply := d.send(scripts.RWMutex().ReadAcquire, d.keys, args...)
	d.outlive(lifetime, reply, scripts.RWMutex().ReadCheck, d.keys, token)
}

// keep sends what prolongs a lease: leases never get shorter by it, so that a
// short lifetime would not always end.
func (d *rwDiff) keep() {
	script := pick(d.random, scripts.RWMutex().WriteExtend, scripts.RWMutex().WritePass, scripts.RWMutex().ReadExtend,
		scripts.RWMutex().ReadRepair, scripts.RWMutex().Downgrade)
	d.send(script, d.keys, d.owner(), d.minutes())
}

func (d *rwDiff) check() {
	d.send(pick(d.random, scripts.RWMutex().WriteCheck, scripts.RWMutex().ReadCheck), d.keys, d.owner())
}

func (d *rwDiff) release() {
	switch d.random.IntN(5) {
	case 0: // of one that was a writer
		d.send(scripts.RWMutex().ReadRelease, d.keys, d.owner(), d.ticket(), int64(0))
		return
	case 1, 2:
		d.send(scripts.RWMutex().ReadRelease, d.keys, d.releaseArgs(d.owner(), d.reader())...)
		return
	}
	d.send(scripts.RWMutex().WriteRelease, d.keys, d.releaseArgs(d.owner(), d.ticket())...)
}

func (d *rwDiff) withdraw() {
	if d.random.IntN(2) == 0 {
		d.send(scripts.RWMutex().ReadWithdraw, d.keys, d.reader())
		return
	}
	d.send(scripts.RWMutex().WriteWithdraw, d.keys, d.ticket())
}
