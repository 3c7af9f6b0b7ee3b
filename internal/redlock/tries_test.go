package redlock

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Goroutines that wait behind others of their process, without a limit, have no
// delays that run. With a limit they have, and give up by them.
func TestCrowdWithoutALimitHasNoTimers(t *testing.T) {
	for _, c := range []struct {
		unlimited bool
		least     int32 // retry delays that were asked for
		most      int32
	}{{true, 0, 0}, {false, 300, 400}} {
		bubble(t, 1, func(b *bench) {
			var asked atomic.Int32
			x := b.object(func(cfg *Config) {
				cfg.Unlimited, cfg.Tries = c.unlimited, 1000
				cfg.RetryDelay = func(int) time.Duration { asked.Add(1); return 100 * ms }
			})
			b.lock(x)
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second+ms)
			defer cancel()
			var waiting sync.WaitGroup
			for range 10 {
				waiting.Go(func() { require.ErrorIs(b, x.Lock(ctx), context.DeadlineExceeded) })
			}
			waiting.Wait()
			require.GreaterOrEqual(b, asked.Load(), c.least)
			require.LessOrEqual(b, asked.Load(), c.most)
			b.unlock(x)
			b.nothingLeft()
		})
	}
}
