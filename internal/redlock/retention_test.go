package redlock

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
)

// baggage is what a caller's context carries.
type baggage struct{ _ [1 << 10]byte }

type baggageKey struct{}

// with makes a call with a context of its own, and returns the only thing that is left
// of that: nothing that keeps it.
//
//go:noinline
func (b *bench) with(call func(context.Context)) weak.Pointer[baggage] {
	luggage := new(baggage)
	ctx, cancel := context.WithCancel(context.WithValue(background, baggageKey{}, luggage))
	defer cancel()
	call(ctx)
	return weak.Make(luggage)
}

// gone checks that nothing keeps what a call's context carried, once everything has settled.
func (b *bench) gone(of weak.Pointer[baggage], what string) {
	b.Helper()
	time.Sleep(time.Second) // for what still waits for answers
	synctest.Wait()
	for range 3 {
		runtime.GC()
	}
	require.True(b, of.Value() == nil, "after %s", what)
}

// A lock object, or a permit, keeps nothing of those who called it.
func TestObjectsKeepNothingOfTheirCallers(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		for _, renewed := range []bool{false, true} {
			bubble(t, nodes, func(b *bench) {
				change := func(c *Config) { c.AutoExtend, c.Unlimited = renewed, true }
				rw, slots := b.rw(change), b.slots(1, change)
				for name, x := range map[string]half{"exclusive": b.object(change), "writer": rw.Writer, "reader": rw.Reader} {
					b.keepsNothing(name, x)
				}
				b.permitKeepsNothing(slots)
				runtime.KeepAlive(rw)
			})
		}
	}
}

// validator and doer are what some halves can do besides.
type (
	validator interface {
		Valid(context.Context) (bool, error)
	}
	doer interface {
		Do(context.Context, func(context.Context) error) error
	}
)

func (b *bench) keepsNothing(name string, x half) {
	for _, step := range []struct {
		what string
		call func(context.Context)
	}{
		{"Lock", func(ctx context.Context) { require.NoError(b, x.Lock(ctx)) }},
		{"Lock of what is held", func(ctx context.Context) {
			if name == "reader" {
				return
			}
			ctx, cancel := context.WithTimeout(ctx, 300*ms)
			defer cancel()
			require.Error(b, x.Lock(ctx))
		}},
		{"Extend", func(ctx context.Context) { _, _ = x.Extend(ctx) }},
		{"Valid", func(ctx context.Context) {
			if v, ok := x.(validator); ok {
				_, _ = v.Valid(ctx)
			}
		}},
		{"Unlock", func(ctx context.Context) { _, _ = x.Unlock(ctx) }},
		{"TryLock", func(ctx context.Context) { require.NoError(b, x.TryLock(ctx)) }},
		{"Unlock", func(ctx context.Context) { _, _ = x.Unlock(ctx) }},
		{"Do", func(ctx context.Context) {
			require.NoError(b, x.(doer).Do(ctx, func(context.Context) error { return nil }))
		}},
		{"a lost Do", func(ctx context.Context) {
			require.Error(b, x.(doer).Do(ctx, func(ctx context.Context) error {
				b.restarted(0)
				if len(b.nodes) > 1 {
					b.restarted(1, 2)
				}
				<-ctx.Done()
				return nil
			}))
		}},
		{"a Lock that fails", func(ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, 300*ms)
			defer cancel()
			b.away(fakenode.ErrLostReply, b.all()...)
			require.Error(b, x.Lock(ctx))
			b.back(b.all()...)
		}},
	} {
		b.gone(b.with(step.call), name+": "+step.what)
	}
	runtime.KeepAlive(x)
}

// all are the numbers of the nodes.
func (b *bench) all() (nodes []int) {
	for i := range b.nodes {
		nodes = append(nodes, i)
	}
	return nodes
}

func (b *bench) permitKeepsNothing(slots *Slots) {
	var p *Permit
	b.gone(b.with(func(ctx context.Context) { p, _ = slots.Acquire(ctx, 1) }), "Acquire")
	b.gone(b.with(func(ctx context.Context) { _, _ = p.Extend(ctx) }), "Extend of a permit")
	b.gone(b.with(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, 300*ms)
		defer cancel()
		_, err := slots.Acquire(ctx, 1)
		require.Error(b, err)
	}), "Acquire of what is held")
	b.gone(b.with(func(ctx context.Context) { _, _ = p.Release(ctx) }), "Release")
	runtime.KeepAlive(p)
	runtime.KeepAlive(slots)
}

// A call that is not waited for any more has its caller's values to its end.
func TestStragglersHaveTheirCallersValues(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		seen := make(chan any, 3)
		for _, n := range b.nodes {
			n.Before, n.KeepsDeadlines = always(10*ms), false
		}
		b.nodes[2].Before = always(50 * ms)
		look := func(ctx context.Context) { seen <- ctx.Value(baggageKey{}) }
		x := (&bench{b.T, New(b.nodes[0], b.nodes[1], looking{b.nodes[2], look}), b.nodes}).object(nil)
		require.NoError(t, x.Lock(context.WithValue(background, baggageKey{}, "value")))
		time.Sleep(100 * ms)
		require.Equal(t, "value", <-seen)
		b.unlock(x)
	})
}

// looking is a pool that looks at a call's context when the call has been answered.
type looking struct {
	*fakenode.Node
	at func(context.Context)
}

func (l looking) Eval(ctx context.Context, call *driver.Call) (any, error) {
	reply, err := l.Node.Eval(ctx, call)
	l.at(ctx)
	return reply, err
}
