package renewer

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/faketime"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

const ms = time.Millisecond

// fakeLease notes when it is called.
type fakeLease struct {
	deadline Deadline
	wants    bool // to be renewed

	mu               sync.Mutex
	expired, renewed []time.Time
}

func (f *fakeLease) Expire(now clock.Instant) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expired = append(f.expired, now.Time)
	return f.wants
}

func (f *fakeLease) Renew() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.renewed = append(f.renewed, time.Now())
}

// calls are how often a lease was asked, and renewed.
func (f *fakeLease) calls() [2]int {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return [2]int{len(f.expired), len(f.renewed)}
}

// bubble runs a test of a renewer whose wall clock may be set.
func bubble(t *testing.T, test func(r *Renewer, set *atomic.Int64)) {
	faketime.Run(t, func(t *testing.T) {
		var set atomic.Int64
		c := &clock.Clock{Step: func(now time.Time) time.Time { return now.Add(time.Duration(set.Load())) }}
		r := new(Renewer)
		r.Init(c)
		test(r, &set)
		time.Sleep(time.Hour)
		_, running := r.Pending()
		require.False(t, running, "without a lease the timer is not set")
	})
}

func (r *Renewer) after(f *fakeLease, wait time.Duration) {
	now := r.clock.Now()
	r.Set(&f.deadline, f, now.Add(wait), now)
}

// A lease is called when it is due, and no more until it has another deadline.
func TestLeaseIsCalledAtItsDeadline(t *testing.T) {
	bubble(t, func(r *Renewer, _ *atomic.Int64) {
		lost, renewed := new(fakeLease), &fakeLease{wants: true}
		start := time.Now()
		r.after(lost, time.Second+ms)
		r.after(renewed, 2*time.Second+ms)
		time.Sleep(10 * time.Second)
		require.Equal(t, [2]int{1, 0}, lost.calls())
		require.Equal(t, [2]int{1, 1}, renewed.calls())
		require.Equal(t, start.Add(time.Second+ms), lost.expired[0])
		require.Equal(t, start.Add(2*time.Second+ms), renewed.renewed[0])
	})
}

func TestDeadlineMayChange(t *testing.T) {
	bubble(t, func(r *Renewer, _ *atomic.Int64) {
		sooner, later, dropped := new(fakeLease), new(fakeLease), new(fakeLease)
		for _, l := range []*fakeLease{dropped, later, sooner} {
			r.after(l, 3*time.Second)
		}
		start := time.Now()
		r.after(sooner, ms)
		r.after(later, 5*time.Second)
		r.Drop(&dropped.deadline)
		r.Drop(&dropped.deadline)
		n, _ := r.Pending()
		require.Equal(t, 2, n)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Equal(t, []time.Time{start.Add(ms)}, sooner.expired)
		require.Equal(t, []time.Time{start.Add(5 * time.Second)}, later.expired)
		require.Equal(t, [2]int{}, dropped.calls())
	})
}

// What is due soon comes along with what is due.
func TestLeasesThatAreDueSoonComeAlong(t *testing.T) {
	bubble(t, func(r *Renewer, _ *atomic.Int64) {
		first, soon, later := new(fakeLease), new(fakeLease), new(fakeLease)
		r.after(first, time.Second)
		r.after(soon, time.Second+Step)
		r.after(later, time.Second+Step+ms)
		time.Sleep(time.Second)
		require.Equal(t, [2]int{1, 0}, soon.calls())
		require.Equal(t, [2]int{0, 0}, later.calls())
	})
}

// A jump of the wall clock, forwards or backwards, makes every lease due within a step.
func TestLeasesAreDueWhenTheClocksPart(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour, 2 * slack} {
		bubble(t, func(r *Renewer, set *atomic.Int64) {
			l := new(fakeLease)
			r.after(l, time.Hour)
			time.Sleep(time.Second)
			require.Equal(t, [2]int{0, 0}, l.calls())
			set.Store(int64(jump))
			time.Sleep(Step)
			require.Equal(t, [2]int{1, 0}, l.calls())
		})
	}
}
