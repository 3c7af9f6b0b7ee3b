package redlock

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/scripts"
)

// A reader nests Do in Do, with the outer's context, and others read by the same lease
// when it is lost. To end the inner context asks the outer one, which asks the lease.
func TestNestedDoAtALoss(t *testing.T) {
	for _, outer := range []bool{true, false} {
		bubble(t, 3, func(b *bench) {
			x, unrelated := b.rw(nil), b.named(1, func(c *Config) { c.AutoExtend = true })
			b.lock(unrelated)
			first, leave := make(chan error, 1), make(chan struct{})
			go func() {
				first <- x.Reader.Do(background, func(context.Context) error { <-leave; return nil })
			}()
			synctest.Wait()
			err := x.Reader.Do(background, func(ctx context.Context) error {
				inner := x.Reader.Do(ctx, func(inner context.Context) error {
					if !outer {
						close(leave) // so that the inner one learns of the loss first
						require.NoError(b, <-first)
					}
					b.set((*fakenode.RW).Clear, 0, 1, 2)
					<-inner.Done()
					require.ErrorIs(b, context.Cause(inner), ErrLost)
					return nil
				})
				require.ErrorIs(b, inner, ErrLost)
				return nil
			})
			require.ErrorIs(t, err, ErrLost)
			if outer {
				close(leave)
				require.ErrorIs(t, <-first, ErrLost)
			}
			time.Sleep(time.Hour)
			require.False(t, isLost(unrelated.Lost()), "what has nothing to do with it is renewed")
			b.unlock(unrelated)
		})
	}
}

// pry is code of a user's that calls back: it fails the test when it is called with a
// lock held that it would need for that.
type pry struct {
	*bench
	mu      sync.Mutex // guards the lists
	writers []*Exclusive
	readers []*Shared
	slots   []*Slots
	permits []*Permit
	calls   int
}

// look tries all locks. Others hold them for moments, the caller for ever.
func (p *pry) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	e := p.engine
	e.renewer.Pending() // which would wait for ever
	for _, n := range e.nodes {
		n.strict.Has(strictKey{})
	}
	for _, x := range p.writers {
		p.takes("queue", &x.queue.mu)
		p.takes("leftovers", &x.attempts.left.mu)
		p.takesLease(&x.mu, &x.lease)
	}
	for _, x := range p.readers {
		p.takes("queue", &x.readers.mu)
		p.takesLease(&x.mu, &x.last)
	}
	for _, x := range p.slots {
		p.takes("slots' queue", &x.queue.mu)
	}
	for _, permit := range p.permits {
		p.takes("permit", &permit.lease.mu)
	}
}

func (p *pry) takesLease(mu *sync.Mutex, at **lease) {
	if !p.takes("object", mu) {
		return
	}
	mu.Lock()
	l := *at
	mu.Unlock()
	if l != nil {
		p.takes("lease", &l.mu)
	}
}

func (p *pry) takes(what string, mu *sync.Mutex) bool {
	for range 1_000_000 {
		if mu.TryLock() {
			mu.Unlock()
			return true
		}
		runtime.Gosched()
	}
	p.Errorf("foreign code was called with the mutex of the %s held", what)
	return false
}

// pryingContext is a context that calls back whatever it is asked.
type pryingContext struct {
	context.Context
	p *pry
}

func (p *pry) context() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(background)
	return pryingContext{ctx, p}, cancel
}

func (c pryingContext) Deadline() (time.Time, bool) { c.p.look(); return c.Context.Deadline() }
func (c pryingContext) Done() <-chan struct{}       { c.p.look(); return c.Context.Done() }
func (c pryingContext) Err() error                  { c.p.look(); return c.Context.Err() }
func (c pryingContext) Value(key any) any           { c.p.look(); return c.Context.Value(key) }

// pryingError does so when it is looked at.
type pryingError struct{ p *pry }

func (e pryingError) Error() string   { e.p.look(); return "prying" }
func (e pryingError) Unwrap() error   { e.p.look(); return fakenode.ErrLostReply }
func (e pryingError) Is(error) bool   { e.p.look(); return false }
func (e pryingError) As(any) bool     { e.p.look(); return false }
func (e pryingError) Timeout() bool   { e.p.look(); return false }
func (e pryingError) Temporary() bool { e.p.look(); return false }

// prying has everything that is the user's call back.
func (b *bench) prying() (*pry, func(*Config)) {
	p := &pry{bench: b}
	for _, n := range b.nodes {
		n.NoSubscriptions = false
		n.Before = func(*driver.Call) time.Duration { p.look(); return ms }
		n.After = func(*driver.Call) time.Duration { p.look(); return ms }
	}
	return p, func(c *Config) {
		c.Unlimited = true
		c.RetryDelay = func(int) time.Duration { p.look(); return 100 * ms }
	}
}

// knows adds objects to those whose locks are looked at.
func (p *pry) knows(rw *RW, x *Exclusive, slots *Slots) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writers = append(p.writers, rw.Writer, x)
	p.readers = append(p.readers, rw.Reader)
	p.slots = append(p.slots, slots)
}

func TestForeignCodeIsCalledWithoutLocks(t *testing.T) {
	type doer = func(context.Context, func(context.Context) error) error
	bubble(t, 3, func(b *bench) {
		p, change := b.prying()
		rw, x, slots := b.rw(change), b.object(change), b.slots(2, change)
		p.knows(rw, x, slots)
		for name, do := range map[string]doer{
			"exclusive": x.Do,
			"writer":    rw.Writer.Do,
			"reader":    rw.Reader.Do,
			"slots": func(ctx context.Context, fn func(context.Context) error) error {
				return slots.Do(ctx, 2, fn)
			},
		} {
			for way, then := range map[string]func(context.Context, context.CancelFunc) error{
				"in peace": func(context.Context, context.CancelFunc) error { time.Sleep(time.Minute); return nil },
				"cancelled": func(ctx context.Context, cancel context.CancelFunc) error {
					cancel()
					<-ctx.Done()
					return ctx.Err()
				},
				"lost": func(ctx context.Context, _ context.CancelFunc) error {
					b.restarted(0, 1, 2)
					<-ctx.Done()
					return ctx.Err()
				},
				"silence": func(ctx context.Context, _ context.CancelFunc) error {
					b.away(pryingError{p}, 0, 1, 2)
					<-ctx.Done()
					b.back(0, 1, 2)
					return ctx.Err()
				},
			} {
				ctx, cancel := p.context()
				behind := make(chan error, 2)
				err := do(ctx, func(held context.Context) error {
					for range cap(behind) {
						go func() {
							behind <- do(ctx, func(context.Context) error { time.Sleep(ms); return nil })
						}()
					}
					time.Sleep(200 * ms)
					return then(held, cancel)
				})
				require.Equal(t, way == "in peace", err == nil, "%s, %s: %v", name, way, err)
				<-behind
				<-behind
				cancel()
			}
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		require.Greater(t, p.calls, 1000)
	})
}

func TestForeignCodeIsCalledWithoutLocksWhereValuesAreGiven(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		p, change := b.prying()
		x := b.object(change)
		n := 0
		x.spec.GenValue = func() (string, error) {
			p.look()
			if n++; n == 2 {
				return "", pryingError{p}
			}
			return "value" + string(rune('a'+n)), nil
		}
		p.writers = append(p.writers, x)
		b.lock(x)
		b.unlock(x)
		require.ErrorIs(t, x.Lock(background), ErrFailed)
		b.lock(x)
		b.unlock(x)
		require.Equal(t, 3, n)
	})
}

// Of permits that are being passed on, and downgrades.
func TestForeignCodeIsCalledWithoutLocksOnTheWay(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		p, change := b.prying()
		rw, x, slots := b.rw(change), b.object(change), b.slots(1, change)
		p.knows(rw, x, slots)
		held := b.take(slots, 1)
		p.mu.Lock()
		p.permits = append(p.permits, held)
		p.mu.Unlock()
		ctx, cancel := p.context()
		waiting := b.takeLater(ctx, slots, 1)
		b.slow(scripts.Semaphore().Release.Name(), 20*ms)
		time.Sleep(70 * ms)
		b.giveBack(held) // its retry delay ends while it is being served
		b.giveBack(b.got(waiting))
		cancel()

		ctx, cancel = p.context()
		defer cancel()
		b.in(rw.Writer)
		require.NoError(t, rw.Downgrade(ctx))
		_ = rw.Reader.Do(ctx, func(ctx context.Context) error {
			b.set((*fakenode.RW).Clear, 0, 1, 2)
			<-ctx.Done()
			return nil
		})
	})
}
