package notify

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Clients that were notified by a minority each part by waiting for random times, out of
// a range that doubles until a majority has notified them.
func TestJitterIsRandomAndDoubles(t *testing.T) {
	var longest [maxDoublings + 3]time.Duration
	for range 200 {
		w := New().NewWaiter("")
		for i := range longest {
			longest[i] = max(longest[i], w.Jitter())
		}
		w.ResetJitter()
		require.Less(t, w.Jitter(), minJitter, "it begins anew")
	}
	for i, d := range longest {
		limit := minJitter << min(i, maxDoublings)
		require.Less(t, d, limit, "%d", i)
		require.Greater(t, d, limit/2, "%d", i)
	}
}
