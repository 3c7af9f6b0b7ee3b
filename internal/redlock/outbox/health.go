package outbox

import (
	"sync/atomic"
	"time"
)

// health is how well a server answers. The lane's mutex guards it but for reading silent.
type health struct {
	silent   atomic.Bool
	signAt   time.Time // of life, the last; or when the server was first asked after a pause
	failed   bool      // a flight had no answer since the server last gave one
	limit    int       // of the calls in a batch, up to max
	max      int
	shrunkAt time.Time // when limit became less
}

// answered notes an answer. A full batch that is answered in time lets the limit grow.
func (h *health) answered(now time.Time, full bool) {
	h.signAt, h.failed = now, false
	h.silent.Store(false)
	if full {
		h.limit = min(h.max, 2*h.limit)
	}
}

// connected notes a new connection.
func (h *health) connected(now time.Time) {
	if !h.failed {
		h.signAt = now
		h.silent.Store(false)
	}
}

// late notes that a flight that was sent at since has let a bound pass. The limit
// shrinks, as the server may be slow: once for all flights that were under way.
func (h *health) late(since, now time.Time) {
	if since.After(h.shrunkAt) {
		h.limit, h.shrunkAt = max(1, h.limit/2), now
	}
	h.failed = true
	if !h.signAt.After(since) {
		h.silent.Store(true)
	}
}
