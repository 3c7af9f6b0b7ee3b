package inspect_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	redigolib "github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/semaphore"
)

// requireLease checks a holder that has just come.
func (w *world) requireLease(h inspect.Holder, kind string, mode inspect.Mode, value, owner string) {
	w.t.Helper()
	assert.Equal(w.t, w.all(), h.Nodes)
	assert.True(w.t, h.Majority)
	assert.Equal(w.t, []any{kind, w.name, mode, value, owner}, []any{h.Kind, h.Name, h.Mode, h.Value, h.Owner})
	assert.Greater(w.t, h.Remaining, time.Duration(0))
	assert.LessOrEqual(w.t, h.Remaining, expiry)
	assert.WithinDuration(w.t, time.Now(), h.Since, patience)
}

func TestMutexHolderAndWaiters(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		began := time.Now().Add(-time.Millisecond) // a token's time is in ms
		m := mutex.New(w.pools()...).NewMutex(w.name, mutex.WithExpiry(expiry), mutex.WithOwner("pod-7@rack:2"), mutex.WithFencing())
		require.NoError(t, m.Lock())
		w.await(w.in.Mutex, 1, 0)
		ctx, cancel := context.WithCancel(t.Context())
		var waits []<-chan error
		for i := range 3 {
			next := mutex.New(w.pools()...).NewMutex(w.name, mutex.WithUnlimitedTries(), mutex.WithOwner(fmt.Sprint("waiter@", i)))
			waits = append(waits, later(func() error { return next.LockContext(ctx) }))
			w.await(w.in.Mutex, 1, i+1)
		}
		status := w.see(w.in.Mutex)
		require.Len(t, status.Holders, 1)
		w.requireLease(status.Holders[0], "mutex", inspect.Exclusive, m.Value(), "pod-7@rack:2")
		assert.WithinRange(t, status.Holders[0].Since, began, time.Now())
		assert.Equal(t, []int{1, 3}, []int{status.Held, status.Waiting})
		assert.Equal(t, m.Fence(), status.Fence)
		requireInOrder(t, status.Waiters, inspect.Exclusive, 3)
		for i, waiter := range status.Waiters {
			assert.Equal(t, fmt.Sprint("waiter@", i), waiter.Owner)
		}
		counting := 0 // nodes from the lease's number on: a majority, before the lease begins
		for i, node := range status.Nodes {
			assert.Positive(t, node.Fence)
			if node.Fence >= m.Fence() { // one that voted late may be ahead, or get it late
				counting++
			}
			node.Fence = 0
			assert.Equal(t, inspect.Node{Addr: w.nodes[i].Addr(), Held: 1, Waiting: 3}, node)
		}
		assert.Greater(t, counting, len(w.nodes)/2)
		cancel()
		for _, ended := range waits {
			assert.ErrorIs(t, <-ended, context.Canceled)
		}
	})
}

// requireInOrder checks waiters that came one after the other, each of another process.
func requireInOrder(t *testing.T, waiters []inspect.Waiter, mode inspect.Mode, n int) {
	t.Helper()
	require.Len(t, waiters, n)
	seen := make(map[string]bool)
	for i, waiter := range waiters {
		assert.Equal(t, mode, waiter.Mode)
		assert.Equal(t, 1, waiter.Count)
		assert.True(t, strings.HasPrefix(waiter.ID, waiter.Process+"|"))
		assert.False(t, seen[waiter.Process], "one process waits twice")
		seen[waiter.Process] = true
		assert.WithinDuration(t, time.Now(), waiter.Since, patience)
		if i > 0 {
			assert.True(t, waiters[i-1].Since.Before(waiter.Since))
		}
	}
}

func TestFreeLocksAreEmpty(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, look := range []look{w.in.Mutex, w.in.RWMutex, w.in.Semaphore} {
			status := w.see(look)
			assert.Empty(t, status.Holders)
			assert.Empty(t, status.Waiters)
			assert.Len(t, status.Nodes, len(w.nodes))
			assert.Equal(t, []int64{0, 0, 0}, []int64{int64(status.Held), int64(status.Waiting), status.Fence})
		}
	})
}

func TestReadersWriterAndBothQueues(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		reader := func(owner string, o ...rwmutex.Option) *rwmutex.RWMutex {
			o = append(o, rwmutex.WithExpiry(expiry), rwmutex.WithOwner(owner))
			return rwmutex.New(w.pools()...).NewRWMutex(w.name, o...)
		}
		one, two := reader("one"), reader("two")
		require.NoError(t, one.RLock())
		w.await(w.in.RWMutex, 1, 0)
		require.NoError(t, two.RLock())
		w.await(w.in.RWMutex, 2, 0)
		ctx, cancel := context.WithCancel(t.Context())
		writes := later(func() error { return reader("writer", rwmutex.WithUnlimitedTries()).LockContext(ctx) })
		w.awaitListener(w.await(w.in.RWMutex, 2, 1).Waiters[0])
		reads := later(func() error { return reader("late", rwmutex.WithUnlimitedTries()).RLockContext(ctx) })
		status := w.await(w.in.RWMutex, 2, 2)
		require.Len(t, status.Holders, 2)
		owners := map[string]bool{}
		for _, h := range status.Holders {
			w.requireLease(h, "rwmutex", inspect.Read, h.Value, h.Owner)
			owners[h.Owner] = true
		}
		assert.Equal(t, map[string]bool{"one": true, "two": true}, owners)
		assert.Equal(t, []inspect.Mode{inspect.Write, inspect.Read}, []inspect.Mode{status.Waiters[0].Mode, status.Waiters[1].Mode})
		assert.Equal(t, []string{"writer", "late"}, []string{status.Waiters[0].Owner, status.Waiters[1].Owner})
		cancel()
		assert.ErrorIs(t, <-writes, context.Canceled)
		assert.ErrorIs(t, <-reads, context.Canceled)
	})
}

func TestWriter(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := rwmutex.New(w.pools()...).NewRWMutex(w.name, rwmutex.WithExpiry(expiry), rwmutex.WithOwner("w"), rwmutex.WithFencing())
		require.NoError(t, rw.Lock())
		status := w.await(w.in.RWMutex, 1, 0)
		w.requireLease(status.Holders[0], "rwmutex", inspect.Write, rw.Value(), "w")
		assert.Equal(t, rw.Fence(), status.Fence)
	})
}

func TestPermitsWithTheirSlots(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s := func(owner string) *semaphore.Semaphore {
			return semaphore.New(w.pools()...).NewSemaphore(w.name, 5, semaphore.WithExpiry(expiry), semaphore.WithOwner(owner), semaphore.WithUnlimitedTries())
		}
		first, err := s("a").AcquireN(t.Context(), 3)
		require.NoError(t, err)
		w.await(w.in.Semaphore, 1, 0)
		second, err := s("b").Acquire()
		require.NoError(t, err)
		w.await(w.in.Semaphore, 2, 0)
		ctx, cancel := context.WithCancel(t.Context())
		waits := later(func() error { _, err := s("c").AcquireN(ctx, 2); return err })
		status := w.await(w.in.Semaphore, 2, 1)
		require.Len(t, status.Holders, 2)
		w.requireLease(status.Holders[0], "semaphore", inspect.Permit, first.Value(), "a")
		w.requireLease(status.Holders[1], "semaphore", inspect.Permit, second.Value(), "b")
		assert.Equal(t, first.Slots(), status.Holders[0].Slots)
		assert.Equal(t, second.Slots(), status.Holders[1].Slots)
		assert.Equal(t, []int{2, 5}, []int{status.Waiters[0].Count, status.Waiters[0].Limit})
		assert.Equal(t, "c", status.Waiters[0].Owner)
		assert.Equal(t, []int{2, 1}, []int{status.Held, status.Waiting})
		cancel()
		assert.ErrorIs(t, <-waits, context.Canceled)
	})
}

// A client of Redsync sets the same key, with a value of its own form.
func TestRedsyncsLocks(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.do("SET", w.name, "ZGVhZGJlZWZkZWFkYmVlZg==", "NX", "PX", 8000)
		status := w.see(w.in.Mutex)
		require.Len(t, status.Holders, 1)
		h := status.Holders[0]
		assert.True(t, h.Majority)
		assert.Equal(t, "ZGVhZGJlZWZkZWFkYmVlZg==", h.Value)
		assert.Empty(t, h.Owner)
		assert.Zero(t, h.Since)
		assert.LessOrEqual(t, h.Remaining, 8*time.Second)
		freed, err := w.in.Release(t.Context(), h)
		require.NoError(t, err)
		assert.Equal(t, w.all(), freed)
		assert.Empty(t, w.see(w.in.Mutex).Holders)
	})
}

func TestAKeyWithoutExpiry(t *testing.T) {
	w := newWorld(t, 1)
	w.do("SET", w.name, "by hand")
	assert.Equal(t, inspect.Forever, w.see(w.in.Mutex).Holders[0].Remaining)
	w.do("DEL", w.name)
}

// What one node of three has is shown, and is no majority; where it lasts longest counts.
func TestMinoritiesAreSeen(t *testing.T) {
	w := newWorld(t, 3)
	w.nodes[1].Do(t, "SET", w.name, "minor", "PX", 9000)
	w.nodes[0].Do(t, "SET", w.name, "major", "PX", 90_000)
	w.nodes[2].Do(t, "SET", w.name, "major", "PX", 5000)
	status := w.see(w.in.Mutex)
	require.Len(t, status.Holders, 2)
	assert.Equal(t, []int{0, 2}, status.Holders[0].Nodes)
	assert.True(t, status.Holders[0].Majority)
	assert.LessOrEqual(t, status.Holders[0].Remaining, 5*time.Second, "then no majority has it")
	assert.Equal(t, []int{1}, status.Holders[1].Nodes)
	assert.False(t, status.Holders[1].Majority)
	freed, err := w.in.Release(t.Context(), status.Holders[1])
	require.NoError(t, err)
	assert.Equal(t, []int{1}, freed)
	freed, err = w.in.Release(t.Context(), status.Holders[1])
	require.NoError(t, err)
	assert.Empty(t, freed)
}

func TestUnreachableNodes(t *testing.T) {
	redistest.Needs(t, redistest.CanKill, redistest.CanPause)
	w := newWorld(t, 3)
	m := mutex.New(w.pools()...).NewMutex(w.name, mutex.WithExpiry(expiry))
	require.NoError(t, m.Lock())
	w.await(w.in.Mutex, 1, 0)
	w.nodes[2].Kill(t)
	status := w.see(w.in.Mutex)
	assert.Equal(t, []int{0, 1}, status.Holders[0].Nodes)
	assert.True(t, status.Holders[0].Majority)
	assert.True(t, status.Nodes[2].Unreachable)
	assert.ErrorContains(t, status.Nodes[2].Err, fmt.Sprintf("node #2 (%s): ", w.nodes[2].Addr()))

	w.nodes[1].Pause(t)
	status, err := w.in.Mutex(t.Context(), w.name)
	assert.ErrorContains(t, err, fmt.Sprintf("inspect: mutex %q: 1 of 3 nodes answered, a majority needed: ", w.name))
	assert.ErrorContains(t, err, "node #1")
	assert.Equal(t, []int{0}, status.Holders[0].Nodes, "what is known is shown")
	assert.False(t, status.Holders[0].Majority)
	assert.True(t, status.Nodes[1].Unreachable)
	var timed interface{ Timeout() bool }
	require.ErrorAs(t, status.Nodes[1].Err, &timed)
	assert.True(t, timed.Timeout(), "as package net has it")

	freed, err := w.in.Release(t.Context(), status.Holders[0])
	assert.Equal(t, []int{0}, freed)
	assert.ErrorContains(t, err, "node #1")
	assert.ErrorContains(t, err, "node #2")
	w.nodes[1].Resume(t)
}

// The caller's context ends a call before the node's time is over.
func TestTheContextEndsACall(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	w := newWorld(t, 1)
	w.nodes[0].Pause(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.in.Mutex(ctx, w.name)
	assert.ErrorIs(t, err, context.Canceled)
	w.nodes[0].Resume(t)
}

func TestBadUse(t *testing.T) {
	ctx := t.Context()
	for text, in := range map[string]*inspect.Inspector{
		"no pools given":                       inspect.New(),
		"pool 0 of 1: it is nil":               inspect.New(nil),
		"was not made by New":                  {},
		"pool 0 of 1: goredis: NewPool was gi": inspect.New(goredisNil()),
	} {
		_, err := in.Mutex(ctx, "x")
		assert.ErrorContains(t, err, text)
		_, err = in.Release(ctx, inspect.Holder{Kind: "mutex", Name: "x", Mode: inspect.Exclusive, Value: "v"})
		assert.ErrorContains(t, err, text)
	}
	w := newWorld(t, 1)
	_, err := w.in.Semaphore(ctx, "")
	assert.ErrorContains(t, err, "empty name")
	for text, h := range map[string]inspect.Holder{
		`of kind "" has`:         {Name: "x", Value: "v"},
		`holder of mode "write"`: {Kind: "mutex", Name: "x", Mode: inspect.Write, Value: "v"},
		"no value to release":    {Kind: "mutex", Name: "x", Mode: inspect.Exclusive},
		"empty name":             {Kind: "mutex", Mode: inspect.Exclusive, Value: "v"},
	} {
		_, err := w.in.Release(ctx, h)
		assert.ErrorContains(t, err, text)
	}
}

// keysOf are the keys that a look at a lock asks for, as a pool sees them.
func keysOf(look func(in *inspect.Inspector) look, name string) []any {
	s := &spy{}
	_, _ = look(inspect.New(s))(context.Background(), name)
	return s.keys
}

// spy notes the keys of a call, and answers nothing that makes sense.
type spy struct{ keys []any }

func (s *spy) Eval(_ context.Context, call *driver.Call) (any, error) {
	s.keys = append([]any(nil), call.Keys()...)
	return "OK", nil
}

// looks are the Inspector's methods, by the kind of lock.
var looks = map[string]func(in *inspect.Inspector) look{
	"mutex":     func(in *inspect.Inspector) look { return in.Mutex },
	"rwmutex":   func(in *inspect.Inspector) look { return in.RWMutex },
	"semaphore": func(in *inspect.Inspector) look { return in.Semaphore },
}

func TestAReplyThatMakesNoSense(t *testing.T) {
	for kind, look := range looks {
		_, err := look(inspect.New(&spy{}))(t.Context(), "x")
		assert.ErrorContains(t, err, "unexpected reply", kind)
	}
}

func TestKeysOfAnotherTypeAreNamed(t *testing.T) {
	w := newWorld(t, 1)
	for kind, look := range looks {
		for _, key := range keysOf(look, w.name) {
			w.do("HSET", key, "a", "b")
			status, err := look(w.in)(t.Context(), w.name)
			assert.ErrorContains(t, err, fmt.Sprintf("WRONGTYPE %s is a hash, and of this lock it would be a ", key), kind)
			assert.False(t, status.Nodes[0].Unreachable)
			w.do("DEL", key)
		}
	}
}

func TestAValueThatIsNoToken(t *testing.T) {
	w := newWorld(t, 1)
	w.do("SETRANGE", w.name, 65536, "x")
	_, err := w.in.Mutex(t.Context(), w.name)
	assert.ErrorContains(t, err, w.name+" has 65537 bytes, which is no token")
	w.do("DEL", w.name)
}

// No more is shown than MaxShown, in order, and all are counted. Tickets that have ended
// are passed over.
func TestCrowdsAreCounted(t *testing.T) {
	w := newWorld(t, 1)
	const n, gone = inspect.MaxShown + 300, 500
	keys := map[string][]any{}
	for kind, look := range looks {
		keys[kind] = keysOf(look, w.name)
	}
	later, now := time.Now().Add(expiry).UnixMicro(), time.Now().UnixMicro()
	w.fillQueue(keys["mutex"][2], gone+n, func(i int) (came, ends int64, id string) {
		came, ends, id = now-int64(gone+n-i), later, "ch|"+strconv.Itoa(i)
		if i < gone {
			ends = now - 1
		}
		return came, ends, id
	})
	status := w.see(w.in.Mutex)
	require.Len(t, status.Waiters, inspect.MaxShown)
	assert.Equal(t, n, status.Waiting)
	for i, waiter := range status.Waiters {
		require.Equal(t, "ch|"+strconv.Itoa(gone+i), waiter.ID)
	}
	assert.WithinDuration(t, time.UnixMicro(now), status.Waiters[0].Since, patience)

	w.fill(keys["rwmutex"][1], n, func(i int) (int64, string) { return later + int64(i), "reader" + strconv.Itoa(i) })
	status = w.see(w.in.RWMutex)
	assert.Len(t, status.Holders, inspect.MaxShown)
	assert.Equal(t, n, status.Held)
	assert.Equal(t, fmt.Sprint("reader", n-1), status.Holders[0].Value, "the longest lease first")

	w.fill(keys["semaphore"][0], n, func(i int) (int64, string) { return later, "=permit" + strconv.Itoa(i) })
	w.fill(keys["semaphore"][0], n, func(i int) (int64, string) { return int64(i), "0:permit" + strconv.Itoa(i) })
	status = w.see(w.in.Semaphore)
	assert.Len(t, status.Holders, inspect.MaxShown)
	assert.Equal(t, n, status.Held)
	assert.Equal(t, []int{7}, status.Holders[7].Slots)
	for _, all := range keys {
		w.do(append([]any{"DEL"}, all...)...)
	}
}

// An Inspector has one call per node for a look, and none of them writes.
func TestRedigoShowsTheSame(t *testing.T) {
	w := newWorld(t, 1)
	pool := &redigolib.Pool{Dial: func() (redigolib.Conn, error) { return redigolib.Dial("tcp", w.nodes[0].Addr()) }}
	t.Cleanup(func() { _ = pool.Close() })
	m := mutex.New(redigo.NewPool(pool)).NewMutex(w.name, mutex.WithOwner("r"), mutex.WithExpiry(expiry))
	require.NoError(t, m.Lock())
	status, err := inspect.New(redigo.NewPool(pool)).Mutex(t.Context(), w.name)
	require.NoError(t, err)
	w.requireLease(status.Holders[0], "mutex", inspect.Exclusive, m.Value(), "r")
}
