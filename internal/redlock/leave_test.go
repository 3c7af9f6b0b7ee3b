package redlock

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// leaving makes calls of Valid whose callers give up once every node that is
// asked has the call and none has answered, and checks their errors.
func (b *bench) leaving(objects ...*Exclusive) {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	results := make(chan error, len(objects))
	for _, x := range objects {
		go func() {
			ok, err := x.Valid(ctx)
			assert.False(b, ok)
			results <- err
		}()
	}
	synctest.Wait()
	require.Empty(b, results, "returned before its caller gave up")
	cancel()
	for range objects {
		err := <-results
		require.ErrorIs(b, err, context.Canceled)
		for i := range b.nodes {
			require.ErrorContains(b, err, RedisError{Node: i, Err: errors.New("no")}.Error())
		}
	}
}

// The error of a caller that gives up names every node, whatever the engine knew of
// them before.
func TestALeavingCallersErrorNamesEveryNode(t *testing.T) {
	for name, before := range map[string]func(b *bench, x *Exclusive){
		"nothing known": func(*bench, *Exclusive) {},
		"all silent":    func(b *bench, x *Exclusive) { b.silence(0, 1, 2, 3, 4) },
		"some silent":   func(b *bench, x *Exclusive) { b.silence(1, 3) },
		"too many silent": func(b *bench, x *Exclusive) {
			b.silence(0, 1, 3)
		},
		"a majority left before": func(b *bench, x *Exclusive) {
			b.hangAll()
			b.leaving(x)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 5, func(b *bench) {
				x := b.object(nil)
				b.lockAll(x)
				before(b, x)
				b.hangAll()
				b.leaving(x)
				b.leaving(x, x) // two calls on one object
				for i := range b.nodes {
					b.nodes[i].SetHung(false)
				}
				b.unlock(x)
				b.nothingLeft()
			})
		})
	}
}

// hangAll has every node hang.
func (b *bench) hangAll() {
	for _, n := range b.nodes {
		if n.Hanging() == nil {
			n.SetHung(true)
		}
	}
}

// silence has nodes let a call pass without an answer.
func (b *bench) silence(nodes ...int) {
	s := b.object(nil).spec
	call := driver.NewCall(s.protocol.Check, s.keys, "nobody")
	for _, i := range nodes {
		n := b.nodes[i]
		n.Set(func() { n.Fault = func(*driver.Call) error { return socketDeadline() } })
		done := make(chan struct{})
		b.engine.nodes[i].Send(call, s.about(token{}), func(quorum.Answer) { close(done) })
		<-done
		n.Set(func() { n.Fault = nil })
		require.True(b, b.engine.nodes[i].Silent(&call))
	}
}

// The decision and the end of the caller's context may come at one moment. The
// caller gets one or the other, and the next round is not touched by it.
func TestLeavingAtTheMomentOfTheDecision(t *testing.T) {
	for range 200 {
		bubble(t, 5, func(b *bench) {
			x := b.object(nil)
			b.lockAll(x)
			for _, n := range b.nodes {
				n.Set(func() { n.Before = only("mutex_check", 10*ms) })
			}
			ctx, cancel := context.WithTimeout(context.Background(), 10*ms)
			defer cancel()
			ok, err := x.Valid(ctx)
			if ok {
				require.NoError(b, err)
			} else {
				require.ErrorIs(b, err, context.DeadlineExceeded)
				var node *RedisError
				require.ErrorAs(b, err, &node)
			}
			ok, err = x.Valid(context.Background())
			require.NoError(b, err)
			require.True(b, ok)
			b.unlock(x)
		})
	}
}
