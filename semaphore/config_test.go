package semaphore_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/semaphore"
)

// requireConfigError checks that every call that takes n reports ErrConfig.
func requireConfigError(t *testing.T, s *semaphore.Semaphore, n int, texts ...string) {
	t.Helper()
	_, acquire := s.AcquireN(context.Background(), n)
	_, try := s.TryAcquireN(context.Background(), n)
	for _, err := range []error{acquire, try} {
		require.ErrorIs(t, err, semaphore.ErrConfig)
		for _, text := range append(texts, "semaphore: ") {
			assert.ErrorContains(t, err, text)
		}
	}
}

func TestBadNumbers(t *testing.T) {
	for _, c := range []struct {
		limit, n int
		text     string
	}{
		{0, 1, "limit is 0"},
		{-1, 1, "limit is -1"},
		{semaphore.MaxLimit + 1, 1, fmt.Sprint(semaphore.MaxLimit)},
		{3, 0, "n is 0"},
		{3, -1, "n is -1"},
		{3, 4, "limit of 3"},
	} {
		pool := new(spy)
		s := semaphore.New(pool).NewSemaphore("the name", c.limit)
		requireConfigError(t, s, c.n, c.text, `"the name"`)
		if c.limit != 3 {
			_, err := s.Held(context.Background())
			require.ErrorIs(t, err, semaphore.ErrConfig)
		}
		assert.Zero(t, pool.sent, "nothing is sent to Redis")
	}
}

func TestBadOptions(t *testing.T) {
	for name, option := range map[string]semaphore.Option{
		"expiry":      semaphore.WithExpiry(time.Millisecond - 1),
		"drift":       semaphore.WithDriftFactor(1),
		"timeout":     semaphore.WithTimeoutFactor(math.NaN()),
		"tries":       semaphore.WithTries(0),
		"delay":       semaphore.WithRetryDelay(-1),
		"delay func":  semaphore.WithRetryDelayFunc(nil),
		"value func":  semaphore.WithGenValueFunc(nil),
		"call's time": semaphore.WithTimeoutFactor(1e-12),
	} {
		t.Run(name, func(t *testing.T) {
			pool := new(spy)
			s := semaphore.New(pool).NewSemaphore("the name", 3, option)
			requireConfigError(t, s, 1, `"the name"`)
			assert.Zero(t, pool.sent, "nothing is sent to Redis")
		})
	}
}

func TestBadPoolsAndNames(t *testing.T) {
	requireConfigError(t, semaphore.New().NewSemaphore("name", 3), 1, "no pools")
	requireConfigError(t, semaphore.New(nil).NewSemaphore("name", 3), 1, "pool #0")
	requireConfigError(t, semaphore.New(new(spy)).NewSemaphore("", 3), 1, "empty name")
}

func TestNilOptionsAndContexts(t *testing.T) {
	s := semaphore.New(new(spy)).NewSemaphore("name", 1, nil, semaphore.WithExpiry(time.Hour))
	var none context.Context
	p, err := s.TryAcquireN(none, 1)
	require.NoError(t, err)
	assert.True(t, p.Until().After(time.Now().Add(time.Minute)))
}

func TestAKeyOfAWrongType(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, n := range w.nodes {
			n.Do(t, "SET", w.key(), "x", "PX", expiry.Milliseconds())
		}
		_, err := w.semaphore(2).TryAcquire()
		require.ErrorIs(t, err, semaphore.ErrFailed)
		var byPointer *semaphore.RedisError
		require.ErrorAs(t, err, &byPointer)
		var byValue semaphore.RedisError
		require.ErrorAs(t, err, &byValue)
		assert.ErrorContains(t, err, "WRONGTYPE")
		assert.ErrorContains(t, err, w.name[:40]) // long names are shortened
		assert.ErrorContains(t, err, fmt.Sprintf("node #%d", byValue.Node))
		settle(t)
		for _, n := range w.nodes {
			assert.Equal(t, "x", n.Do(t, "GET", w.key()), "the key was left alone")
			n.Do(t, "DEL", w.key())
		}
	})
}
