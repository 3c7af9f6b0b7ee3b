package redlock

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/scripts"
)

// Of an even number of nodes half are no majority, and half are enough to prevent one.
var evenNodes = []int{2, 4, 6}

func onEvenNodes(t *testing.T, test func(b *bench, half int)) {
	for _, n := range evenNodes {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			bubble(t, n, func(b *bench) { test(b, n/2) })
		})
	}
}

// firstNodes are the numbers of the first nodes.
func firstNodes(n int) []int {
	nodes := make([]int, n)
	for i := range nodes {
		nodes[i] = i
	}
	return nodes
}

// The others answer late, so that the refusal is decided by half of the nodes.
func (b *bench) lateFrom(half int) {
	for _, n := range b.nodes[half:] {
		n.Set(func() { n.Before = always(20 * ms) })
	}
}

func TestHalfOfTheNodesRefuse(t *testing.T) {
	onEvenNodes(t, func(b *bench, half int) {
		holder, x := b.client(nil), b.client(nil)
		b.lockAll(holder)
		b.lateFrom(half)
		start := time.Now()
		err := x.TryLock(background)
		require.Zero(b, time.Since(start), "half of the nodes are enough to refuse")
		require.ErrorIs(b, err, ErrFailed)
		require.ErrorIs(b, err, &ErrTaken{Nodes: firstNodes(half)})
		require.NotErrorAs(b, err, new(*ErrNodeTaken))
	})
}

// One node fewer than half does not, and is named by itself.
func TestFewerThanHalfOfTheNodesAreNamedOneByOne(t *testing.T) {
	onEvenNodes(t, func(b *bench, half int) {
		for _, n := range b.nodes[:half-1] {
			n.Put("name", "theirs", time.Hour)
		}
		for _, n := range b.nodes[half-1:] {
			n.Before = always(5 * ms) // the others have answered by then
			n.Fault = func(*driver.Call) error { return &driver.ReplyError{Err: fakenode.ErrLostReply} }
		}
		err := b.object(nil).TryLock(background)
		require.ErrorIs(b, err, ErrFailed)
		require.NotErrorAs(b, err, new(*ErrTaken))
		require.Equal(b, half > 1, errors.As(err, new(*ErrNodeTaken)))
		require.ErrorAs(b, err, new(*RedisError))
	})
}

// Half of the nodes are no majority: not to lock, nor to extend, release or check.
func TestHalfOfTheNodesDoNotGrant(t *testing.T) {
	onEvenNodes(t, func(b *bench, half int) {
		for _, n := range b.nodes[half:] {
			n.Put("name", "theirs", time.Second)
		}
		x := b.client(nil)
		require.ErrorIs(b, x.TryLock(background), ErrFailed)
		b.holders()
		time.Sleep(2 * time.Second)
		b.lockAll(x)
		for _, n := range b.nodes[half:] {
			n.Set(func() { n.Fault = func(*driver.Call) error { return fakenode.ErrLostReply } })
		}
		ok, err := x.Extend(background)
		require.False(b, ok)
		require.ErrorIs(b, err, ErrExtendFailed)
		ok, err = x.Valid(background)
		require.False(b, ok)
		require.Error(b, err)
		ok, err = x.Unlock(background)
		require.False(b, ok)
		require.NotErrorIs(b, err, ErrLost, "the others have not denied it")
	})
}

// Half of the nodes that have nothing of a lease make a majority impossible: it is lost.
func TestHalfOfTheNodesDeny(t *testing.T) {
	for name, ask := range map[string]func(x *Exclusive) error{
		"extend": func(x *Exclusive) error { _, err := x.Extend(background); return err },
		"valid":  func(x *Exclusive) error { _, err := x.Valid(background); return err },
	} {
		t.Run(name, func(t *testing.T) {
			onEvenNodes(t, func(b *bench, half int) {
				x := b.client(nil)
				b.lockAll(x)
				lost := x.Lost()
				b.lateFrom(half)
				for _, n := range b.nodes[:half] {
					n.Put("name", "theirs", time.Hour)
				}
				err := ask(x)
				require.ErrorIs(b, err, &ErrTaken{Nodes: firstNodes(half)})
				<-lost
				err, gone := x.unlock(background)
				require.True(b, gone)
				require.Error(b, err)
			})
		})
	}
}

// A release that half of the nodes deny is known to have come too late.
func TestHalfOfTheNodesDenyARelease(t *testing.T) {
	onEvenNodes(t, func(b *bench, half int) {
		x := b.client(nil)
		b.lockAll(x)
		b.lateFrom(half)
		for _, n := range b.nodes[:half] {
			n.Restart()
		}
		err, gone := x.unlock(background)
		require.True(b, gone)
		require.ErrorIs(b, err, ErrLockAlreadyExpired)
	})
}

// Two clients with half of the nodes each: neither has it, nor a permit of one.
func TestTwoClientsOfHalfTheNodes(t *testing.T) {
	onEvenNodes(t, func(b *bench, half int) {
		one, two := b.elsewhere(), b.elsewhere()
		for i, n := range b.nodes {
			n.Before = func(call *driver.Call) time.Duration {
				if strings.HasSuffix(call.Script().Name(), "_release") {
					return 10 * ms // so that neither finds what the other has given back
				}
				if first := call.Args()[0] == "one"; first == (i < half) {
					return 0
				}
				return 2 * ms
			}
		}
		for _, kind := range []string{"mutex", "writer", "permit"} {
			lock := func(b *bench, value string) <-chan error {
				c := DefaultConfig()
				c.Tries = 1
				c.SetGenValue(func() (string, error) { return value, nil })
				return begins(background, lockKinds[kind](b.engine, kind, c).lock)
			}
			a, b2 := lock(one, "one"), lock(two, "two")
			require.ErrorIs(b, <-a, ErrFailed, kind)
			require.ErrorIs(b, <-b2, ErrFailed, kind)
		}
	})
}

// Two of four nodes refuse the slots that the client proposed, as others were quicker.
// It asks anew for slots that are free on a majority, and for that must know of one.
func TestRefusedProposalIsFollowedByAnother(t *testing.T) {
	onEvenNodes(t, func(b *bench, half int) {
		x := b.slots(4, func(c *Config) { c.Tries = 1 })
		for i, n := range b.nodes { // each has another free slot first
			n.Permits[fmt.Sprint("stray", i)] = fakenode.Permit{Slots: []int{i % 2}, Ends: time.Now().Add(time.Hour)}
		}
		var asked atomic.Int32
		for i, n := range b.nodes {
			late := time.Duration(i) * ms
			n.Before = func(call *driver.Call) time.Duration {
				if call.Script() == scripts.Semaphore().Acquire && call.Args()[4] == "2" && i < half {
					asked.Add(1)
					n.Mu.Lock()
					n.Permits["quicker"] = fakenode.Permit{Slots: []int{2}, Ends: time.Now().Add(time.Hour)}
					n.Mu.Unlock()
				}
				return late
			}
		}
		p, err := x.TryAcquire(background, 1)
		require.NoError(b, err)
		require.Equal(b, []int{3}, p.Slots())
		require.EqualValues(b, half, asked.Load(), "its first proposal was refused there")
	})
}
