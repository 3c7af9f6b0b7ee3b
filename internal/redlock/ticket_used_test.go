package redlock

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// turns are callers of one lock, each with an object of a process of its own, which
// wait for an hour between two tries, or until they are woken; and the order in which
// they were served.
type turns struct {
	*bench
	of func(b *bench, change func(*Config)) half

	all   sync.WaitGroup
	mu    sync.Mutex
	order string
}

// caller makes one that tries again after a delay.
func (s *turns) caller(delay time.Duration) half {
	e := s.elsewhere()
	e.engine.grants = false // a release passes no waiter by
	return s.of(e, func(c *Config) {
		c.SetRetryDelay(delay)
		if delay < time.Second {
			c.Expiry = time.Second // it looks every 100ms
		}
	})
}

// waits lets a caller wait, be served, and leave after some time. It returns when the
// caller is in line.
func (s *turns) waits(name string, x half, stay time.Duration) {
	s.all.Go(func() {
		s.in(x)
		s.mu.Lock()
		s.order += name
		s.mu.Unlock()
		time.Sleep(stay)
		s.out(x)
	})
	time.Sleep(20 * ms)
}

// A caller that was served out of turn has used its place up: when it comes back, it
// stands behind those that came meanwhile.
func TestPlaceIsUsedOnce(t *testing.T) {
	for name, of := range map[string]func(b *bench, change func(*Config)) half{
		"mutex":  func(b *bench, change func(*Config)) half { return b.object(change) },
		"writer": func(b *bench, change func(*Config)) half { return b.rw(change).Writer },
		"permit": func(b *bench, change func(*Config)) half { return &onePermit{x: b.slots(1, change)} },
	} {
		for _, n := range []int{1, 3} {
			t.Run(name, func(t *testing.T) {
				notifying(t, n, func(b *bench) { (&turns{bench: b, of: of}).outOfTurn() })
			})
		}
	}
}

// onePermit is a semaphore as a lock.
type onePermit struct {
	half
	x *Slots
	p *Permit
}

func (o *onePermit) Lock(ctx context.Context) (err error) {
	o.p, err = o.x.Acquire(ctx, 1)
	return err
}

func (o *onePermit) Unlock(ctx context.Context) (bool, error) { return o.p.Release(ctx) }

func (s *turns) outOfTurn() {
	holder, polls := s.caller(time.Hour), s.caller(50*ms)
	s.in(holder)
	s.waits("A", s.caller(time.Hour), 200*ms)
	s.waits("B", s.caller(time.Hour), 200*ms)
	s.waits("C", polls, 200*ms)
	s.mumble(true)
	s.out(holder)
	time.Sleep(110 * ms) // C finds it free, as no waiter was notified
	s.mumble(false)
	s.waits("D", s.caller(time.Hour), 200*ms)
	s.waits("E", s.caller(time.Hour), 200*ms)
	time.Sleep(170 * ms) // C has left, and A was notified
	s.waits("C", polls, 200*ms)
	s.all.Wait()
	require.Equal(s, "CABDEC", s.order)
}

// mumble lets what the nodes publish be lost.
func (b *bench) mumble(lost bool) {
	for _, n := range b.nodes {
		n.Set(func() { n.LosesMessages = lost })
	}
}
