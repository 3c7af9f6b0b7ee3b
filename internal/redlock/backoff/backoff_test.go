package backoff

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/faketime"
)

const ms = time.Millisecond

// asked makes a backoff whose delays are 1, 2, 3, … ms, and notes the tries that they follow.
func asked(most int) (*Backoff, *[]int) {
	tries := new([]int)
	b := New(most, func(try int) time.Duration {
		*tries = append(*tries, try)
		return time.Duration(try) * ms
	})
	return &b, tries
}

func TestTriesAreElapsedDelays(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		b, tries := asked(3)
		start := time.Now()
		require.True(t, b.First())
		require.NoError(t, b.Pause(t.Context()))
		require.False(t, b.First())
		require.NoError(t, b.Pause(t.Context()))
		require.Equal(t, 3*ms, time.Since(start))
		require.True(t, b.Exhausted())
		require.ErrorIs(t, b.Pause(t.Context()), ErrExhausted)
		require.ErrorIs(t, b.PauseUntil(t.Context(), nil), ErrExhausted)
		require.Equal(t, 3*ms, time.Since(start))
		require.Equal(t, []int{1, 2}, *tries)
	})
}

// A delay goes on where the call has been let in early, or has been cancelled.
func TestADelayGoesOn(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		b, tries := asked(0)
		woken := make(chan struct{})
		close(woken)
		require.NoError(t, b.Pause(t.Context()))
		start := time.Now()
		require.NoError(t, b.PauseOr(t.Context(), woken))
		ctx, cancel := context.WithTimeout(t.Context(), ms)
		defer cancel()
		require.ErrorIs(t, b.Pause(ctx), context.DeadlineExceeded)
		require.Equal(t, 2*ms, b.Delay())
		require.NotNil(t, b.Running())
		require.NoError(t, b.Pause(t.Context()))
		require.Equal(t, 2*ms, time.Since(start))
		require.Equal(t, []int{1, 2}, *tries)
		require.Nil(t, b.Running())
	})
}

// In a queue a call with a limit gives up when it would have if it had polled; one without
// has no delays there.
func TestAQueueUsesUpTries(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		b, tries := asked(4)
		start := time.Now()
		require.ErrorIs(t, b.PauseUntil(t.Context(), nil), ErrExhausted)
		require.Equal(t, 6*ms, time.Since(start))
		require.Equal(t, []int{1, 2, 3}, *tries)

		b, tries = asked(0)
		called := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(called) })
		require.NoError(t, b.PauseUntil(t.Context(), called))
		require.Equal(t, time.Second, time.Since(start)-6*ms)
		require.Empty(t, *tries)
		require.True(t, b.First())
	})
}

func TestSkippedDelays(t *testing.T) {
	b, tries := asked(0)
	b.Skip(time.Hour)
	require.True(t, b.First(), "the delay is not known")
	require.Equal(t, ms, b.Delay())
	b.Skip(ms - 1)
	require.True(t, b.First(), "it is longer")
	b.Skip(ms)
	require.False(t, b.First())
	require.Equal(t, ms, b.LastDelay())
	require.Equal(t, 2*ms, b.Delay())
	require.Equal(t, []int{1, 2}, *tries)
	b.Stop()
}

func TestDelaysAreNeverNegative(t *testing.T) {
	b := New(0, func(int) time.Duration { return -time.Hour })
	require.Zero(t, b.Delay())
	require.NoError(t, b.Pause(t.Context()))
	b.Stop()
}
