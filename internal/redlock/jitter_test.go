package redlock

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A call whose waiter was notified by a minority waits for a random time, out of a range
// that doubles until a majority has notified it.
func TestJitterIsRandomAndDoubles(t *testing.T) {
	const (
		first     = 2 * ms
		doublings = 7
	)
	notifying(t, 3, func(b *bench) {
		s := b.object(func(c *Config) { c.SetRetryDelay(time.Hour) }).spec
		var longest [doublings + 3]time.Duration
		for range 200 {
			m, p := s.newTicket(""), s.triesOf(0)
			w := m.waiter
			m.join()
			notify := func(nodes ...int) {
				for _, i := range nodes {
					b.nodes[i].Set(func() { b.nodes[i].Publish(w.ID()) })
				}
				synctest.Wait()
			}
			notify()
			w.Reset() // of the subscriptions that have opened
			paused := func() time.Duration {
				start := time.Now()
				require.NoError(t, pauseOn(background, m, p, nil))
				w.Reset()
				return time.Since(start)
			}
			for i := range longest {
				notify(0)
				longest[i] = max(longest[i], paused())
			}
			notify(0, 1)
			require.Zero(t, paused(), "a majority")
			notify(0)
			require.Less(t, paused(), first, "it begins anew")
			p.Stop()
			b.engine.notifier.Leave(w)
		}
		for i, d := range longest {
			limit := first << min(i, doublings)
			require.Less(t, d, limit, "%d", i)
			require.Greater(t, d, limit/2, "%d", i)
		}
	})
}
