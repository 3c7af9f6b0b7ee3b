package redlock

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Clients that were told by a minority each part by waiting for random times, out of a
// range that doubles until a majority tells.
func TestJitterIsRandomAndDoubles(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		s := b.object(func(c *Config) { c.SetRetryDelay(time.Hour) }).spec
		var longest [mostDoublings + 3]time.Duration
		for range 200 {
			m, p := s.newMark(""), s.paceOf(0)
			w := m.waiter
			w.bell = make(chan struct{}, 1)
			paused := func() time.Duration {
				start := time.Now()
				require.NoError(t, p.pauseFor(background, m, nil))
				w.reset()
				return time.Since(start)
			}
			for i := range longest {
				w.ring(b.engine.nodes[0])
				longest[i] = max(longest[i], paused())
			}
			w.ring(b.engine.nodes[0])
			w.ring(b.engine.nodes[1])
			require.Zero(t, paused(), "a majority")
			w.ring(b.engine.nodes[0])
			require.Less(t, paused(), leastJitter, "it begins anew")
			p.stop()
		}
		for i, d := range longest {
			limit := leastJitter << min(i, mostDoublings)
			require.Less(t, d, limit, "%d", i)
			require.Greater(t, d, limit/2, "%d", i)
		}
	})
}
