package outbox

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/faketime"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

var seed = flag.Uint64("outbox.seed", 0, "of the only random run, instead of several")

// storm is a server on a bad day, asked by a crowd.
type storm struct {
	*world
	mu  sync.Mutex
	rnd *rand.Rand
}

func (s *storm) one(in int) bool { return s.upTo(in) == 0 }

func (s *storm) upTo(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rnd.IntN(n)
}

// faults are all that may happen, each now and then.
func (s *storm) faults() faults {
	return faults{
		obeys: s.one(2),
		delay: func([]*driver.Call) time.Duration {
			switch {
			case s.one(30):
				return time.Duration(s.upTo(2000)) * time.Millisecond
			case s.one(2):
				return 0
			}
			return time.Duration(s.upTo(10_000)) * time.Microsecond
		},
		fault: func([]*driver.Call) error {
			switch {
			case s.one(20):
				return errReset
			case s.one(20):
				return &driver.ReplyError{Err: errReset}
			case s.one(30):
				return fmt.Errorf("fake: %w", driver.ErrNotSent)
			}
			return nil
		},
		busy: func(ctx context.Context) {
			if s.one(30) {
				driver.ResendContext(driver.ResendContext(ctx))
			}
		},
		dial: func(string) (time.Duration, error) {
			after := time.Duration(s.upTo(40)) * time.Millisecond
			if s.one(4) {
				return after / 4, errRefused
			}
			return after, nil
		},
	}
}

// storms is a driver that may do anything, and whose calls name their lane.
func storms(s *server, r *rand.Rand) driver.Pool {
	kinds := []func(*server) driver.Pool{ofOne, ofMany, ofBounds, ofDials, ofBoundedDials, ofLanes}
	return kinds[r.IntN(len(kinds))](s)
}

// request makes one of any kind.
func (s *storm) request(i int) *probe {
	return s.plan(fmt.Sprintf("%d:%d", s.upTo(3), i),
		class(Class(s.upTo(int(classes)))),
		bound(time.Duration(1+s.upTo(100))*time.Millisecond),
		token(fmt.Sprint(s.upTo(50))),
		func(p *probe) { p.Alone = s.one(10) },
	)
}

// caller posts n requests, and takes some back.
func (s *storm) caller(from, n int) {
	for i := range n {
		p := s.request(from + i)
		if s.one(3) {
			s.box.Ask(&p.Request)
		} else {
			s.box.Post(&p.Request)
		}
		if s.one(3) {
			time.Sleep(time.Duration(s.upTo(3000)) * time.Microsecond)
		}
		if s.one(5) {
			s.withdraw(p)
		}
		if s.one(5) {
			s.box.Leave(&p.Request)
		}
		s.box.Silent(&p.call)
	}
}

// stale has the server close some of its connections, now and then, for some time.
func (s *storm) stale(times int) {
	for range times {
		time.Sleep(time.Duration(s.upTo(20)) * time.Millisecond)
		s.server.mu.Lock()
		for _, c := range s.conns {
			c.stale = c.stale || s.one(3)
		}
		s.server.mu.Unlock()
	}
}

// rage has callers post n requests each, and returns when they have.
func (s *storm) rage(callers, n int) {
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() { s.caller(c*n, n) })
	}
	all.Go(func() { s.stale(n / 5) })
	all.Wait()
}

func newStorm(t *testing.T, seed uint64) *storm {
	r := rand.New(rand.NewPCG(seed, 13))
	s := &server{T: t, runs: make(map[string]int)}
	w := &world{server: s, box: New(storms(s, r), new(clock.Clock)), began: time.Now()}
	st := &storm{world: w, rnd: r}
	w.server.faults = st.faults()
	return st
}

// checked is what is true of every lane, whatever has happened.
func (s *storm) checked() {
	n := 1
	if s.box.laner != nil {
		n = len(s.box.lanes)
	}
	assert.LessOrEqual(s, s.maxInside, n*maxFlights)
	for _, l := range append(lanesOf(s.box), s.box.only) {
		assert.Empty(s, l.flights)
		assert.Zero(s, l.waiting.len())
		assert.Zero(s, l.conns.dialing)
	}
}

func lanesOf(o *Outbox) (all []*lane) {
	for _, l := range o.lanes {
		all = append(all, l)
	}
	return all
}

func TestEveryRequestIsReportedOnceWhateverHappens(t *testing.T) {
	seeds := []uint64{*seed}
	if *seed == 0 {
		seeds = nil
		for range 15 {
			seeds = append(seeds, rand.Uint64())
		}
	}
	for _, seed := range seeds {
		faketime.Run(t, func(t *testing.T) {
			s := newStorm(t, seed)
			s.rage(20, 60)
			time.Sleep(time.Hour)
			s.settled()
			s.checked()
			for _, l := range lanesOf(s.box) {
				assert.Zero(t, l.conns.total)
			}
		})
		if t.Failed() {
			t.Fatalf("run again with -outbox.seed=%d", seed)
		}
	}
}

// The same in real time, in which everything happens between everything else.
func TestEveryRequestIsReportedOnceInRealTime(t *testing.T) {
	for range 4 {
		s := newStorm(t, rand.Uint64())
		s.rage(50, 60)
		end := time.Now().Add(time.Minute)
		for s.pending() > 0 && time.Now().Before(end) {
			time.Sleep(10 * time.Millisecond)
		}
		for _, p := range s.probes {
			p.once()
		}
	}
}

// pending counts what was not reported yet, and not withdrawn.
func (s *storm) pending() (n int) {
	for _, p := range s.probes {
		p.mu.Lock()
		if !p.withdrawn && (len(p.reports) == 0 || p.reports[len(p.reports)-1] == "late") {
			n++
		}
		p.mu.Unlock()
	}
	return n
}
