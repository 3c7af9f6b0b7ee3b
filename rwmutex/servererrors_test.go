package rwmutex_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/rwmutex"
)

// wrongly has a list where one of the lock's keys should be.
func (w *world) wrongly(kind string, nodes ...*redistest.Node) {
	w.t.Helper()
	for _, n := range nodes {
		n.Do(w.t, "RPUSH", w.key(kind), "element")
		n.Do(w.t, "PEXPIRE", w.key(kind), expiry.Milliseconds())
	}
}

// requireRefusal checks that err names the lock, the nodes (those given, or else
// any) and the cause, for people and for programs.
func (w *world) requireRefusal(err error, code string, nodes ...int) {
	w.t.Helper()
	if first, ok := find[rwmutex.RedisError](err); ok && nodes == nil {
		nodes = []int{first.Node}
	}
	requireNodeErrors(w.t, err, nodes...)
	w.requireNamed(err)
	assert.True(w.t, w.client.sent(err), "the client's own error: %v", err)
	for _, i := range nodes {
		assert.Regexp(w.t, fmt.Sprintf(`node #%d( \(\S+\))?: .*%s`, i, code), err.Error())
	}
	assert.False(w.t, isA[*rwmutex.ErrTaken](err), "nobody holds it: %v", err)
}

var kinds = []string{"writer", "readers", "queue:write"}

// A key of the wrong type on all nodes: nothing else is written.
func TestAKeyOfTheWrongType(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, kind := range kinds {
			w.wrongly(kind, w.nodes...)
			rw := w.rwmutex(rwmutex.WithTries(2), rwmutex.WithRetryDelay(0))
			locks := []func() error{rw.RLock, rw.TryRLock, rw.Lock, rw.TryLock}
			if kind == "queue:write" { // at which a writer looks only while it waits
				require.ErrorIs(t, w.waitInVain(), rwmutex.ErrFailed)
				locks = locks[:2]
			}
			for _, lock := range locks {
				err := lock()
				require.ErrorIs(t, err, rwmutex.ErrFailed)
				w.requireRefusal(err, "WRONGTYPE")
			}
			settle(t)
			for _, n := range w.nodes {
				assert.EqualValues(t, 1, w.keysOn(n), "nothing else was written")
			}
			w.lose(kind, w.nodes...)
			require.NoError(t, rw.Lock(), "it is as good as before")
			requireYes(t, rw.Unlock)
			w.requireSettled()
		}
	})
}

// waitInVain is the error of a writer that gives up.
func (w *world) waitInVain() error {
	x := w.newWaiter().write()
	x.requireWaits(w.t)
	return x.giveUp()
}

// A key that turns bad while the lock is held: no call claims what it has not
// done, and once the key is gone nothing is left.
func TestAKeyThatTurnsBadWhileHeld(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex()
		require.NoError(t, rw.Lock())
		w.awaitWriter(rw.Value())
		w.lose("writer", w.nodes...)
		w.wrongly("writer", w.nodes...)
		for _, call := range []func() (bool, error){rw.Valid, rw.Extend, rw.Unlock} {
			w.requireRefusal(requireNo(t, call), "WRONGTYPE")
		}
		w.lose("writer", w.nodes...)
		w.requireSettled()

		require.NoError(t, rw.RLock())
		w.awaitReaders(1)
		w.lose("readers", w.nodes...)
		w.wrongly("readers", w.nodes...)
		for _, call := range []func() (bool, error){rw.RExtend, rw.RUnlock} {
			w.requireRefusal(requireNo(t, call), "WRONGTYPE")
		}
		w.lose("readers", w.nodes...)
		w.requireSettled()

		require.NoError(t, rw.Lock())
		w.awaitWriter(rw.Value())
		settle(t) // a pending release brought the ticket back if it came after the grant
		w.wrongly("queue:write", w.nodes...)
		w.requireRefusal(requireNo(t, downgrade(rw)), "WRONGTYPE")
		w.lose("queue:write", w.nodes...)
		requireYes(t, rw.RUnlock)
		w.requireSettled()
	})
}

// On a minority it does not matter.
func TestAMinorityWithAKeyOfTheWrongType(t *testing.T) {
	onNodes(t, 3, func(t *testing.T, w *world) {
		for _, kind := range kinds {
			w.wrongly(kind, w.nodes[1])
			w.requireInUseWhen(w.rwmutex(), func() { settle(t) })
			settle(t)
			w.awaitFree(w.nodes[0], w.nodes[2])
			require.EqualValues(t, 1, w.keysOn(w.nodes[1]))
			w.lose(kind, w.nodes[1])
		}
	})
}

// Nodes that answer with an error of any kind, and good ones between.
func TestServersThatRefuse(t *testing.T) {
	for code, config := range map[string]string{
		"OOM":      "maxmemory 1",
		"READONLY": "replicaof 127.0.0.1 1",
		"NOPERM":   "user default on nopass ~* &* +@all -evalsha",
	} {
		t.Run(code, func(t *testing.T) {
			bad := redistest.Start(t, 2, redistest.WithConfig(config))
			withEach(t, append(bad, redistest.Start(t, 2)...), func(t *testing.T, w *world) {
				w.testServersThatRefuse(code)
			})
		})
	}
}

// testServersThatRefuse has bad nodes 0 and 1, and good ones 2 and 3.
func (w *world) testServersThatRefuse(code string) {
	t := w.t
	minority, majority := w.choose(2, 0, 3), w.choose(0, 2, 1)
	minority.requireInUse(minority.rwmutex())
	rw := majority.rwmutex(rwmutex.WithTries(3), rwmutex.WithRetryDelay(0))
	for _, lock := range []func() error{rw.Lock, rw.RLock} {
		settle(t) // the good node may have the hold before this one still, and refuse it too
		err := lock()
		require.ErrorIs(t, err, rwmutex.ErrFailed)
		majority.requireRefusal(err, code, 0, 2)
	}
	w.requireNotHeld(rw.Unlock, rw.RUnlock)
	settle(t)
	w.awaitFree(w.nodes[2], w.nodes[3])
}

// A server that is out of memory grants nothing, and takes everything back. What
// it cannot renew, it says.
func TestOutOfMemoryWhileHolding(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	onNodes(t, 1, func(t *testing.T, w *world) {
		rw, other := w.rwmutex(), w.rwmutex()
		memory := func(limit int) {
			w.nodes[0].Do(t, "CONFIG", "SET", "maxmemory", limit, "maxmemory-policy", "noeviction")
		}
		require.NoError(t, rw.Lock())
		memory(1)
		requireYes(t, rw.Extend)
		requireYes(t, rw.Valid)
		require.NoError(t, rw.Downgrade(context.Background()))
		until := rw.RUntil()
		if ok, err := rw.RExtend(); !ok {
			w.requireRefusal(err, "OOM")
			require.Equal(t, until, rw.RUntil())
		}
		requireYes(t, rw.RUnlock)
		w.requireRefusal(other.TryLock(), "OOM")
		w.requireRefusal(other.TryRLock(), "OOM")
		memory(0)
		require.NoError(t, other.TryLock(), "it is as good as before")
		requireYes(t, other.Unlock)
		w.requireSettled()
	})
}

// Something that speaks Redis and answers nonsense is no yes.
func TestAnAnswerThatMeansNothing(t *testing.T) {
	for _, reply := range []any{"OK", nil, int64(7), []any{int64(1)}} {
		rw := rwmutex.New(answering(reply)).NewRWMutex("name")
		for _, lock := range []func() error{rw.TryLock, rw.TryRLock} {
			err := lock()
			require.ErrorIs(t, err, rwmutex.ErrFailed, "%v", reply)
			requireNodeErrors(t, err, 0)
			assert.ErrorContains(t, err, "unexpected reply")
		}
	}
}
