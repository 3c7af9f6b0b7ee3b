package leaktest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

// tests are those of a package.
type tests func() int

func (t tests) Run() int { return t() }

// What lasts longer than goleak waits is no leak if it ends.
func TestWaitsForWhatEnds(t *testing.T) {
	ended := make(chan struct{})
	code := run(tests(func() int {
		go func() {
			time.Sleep(2 * time.Second) // longer than goleak waits, which goes by the real clock
			close(ended)
		}()
		return 0
	}), patience)
	require.Zero(t, code)
	require.NoError(t, goleak.Find())
	<-ended
}

// After a failure there is nothing to wait for.
func TestReturnsAtOnceAfterAFailure(t *testing.T) {
	leaves := make(chan struct{})
	code := run(tests(func() int {
		go func() { <-leaves }()
		return 3
	}), time.Hour)
	require.Equal(t, 3, code)
	require.Error(t, goleak.Find(), "what was left is still there")
	close(leaves)
}

func TestFailsWhereSomethingStays(t *testing.T) {
	leaves := make(chan struct{})
	code := run(tests(func() int {
		go func() { <-leaves }()
		return 0
	}), time.Millisecond)
	require.Equal(t, 1, code)
	close(leaves)
}

// What the engine runs is listed, and nothing else is.
func TestBackgroundListsTheEngine(t *testing.T) {
	leave := make(chan struct{})
	go func() { <-leave }()
	require.Empty(t, Background())
	slow := clock.Clock{Step: func(now time.Time) time.Time { <-leave; return now }}
	go slow.Now()
	require.Eventually(t, func() bool { return len(Background()) == 1 }, time.Minute, time.Millisecond)
	close(leave)
	Settle(t, time.Minute)
}
