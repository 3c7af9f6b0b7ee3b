package outbox

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

// health is how well a server answers.
type health struct {
	silent atomic.Bool // written with mu held

	mu       sync.Mutex // the lane's, which guards all of the lane
	signAt   time.Time  // of life, the last; or when the server was first asked after a pause
	failed   bool       // a flight had no answer since the server last gave one
	limit    int        // of the calls in a batch, up to max
	max      int
	shrunkAt time.Time     // when limit became less
	trip     time.Duration // there and back, of the flight that was answered last
}

// answered notes an answer.
func (h *health) answered(now time.Time) {
	h.signAt, h.failed = now, false
	h.silent.Store(false)
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

// landed notes what came of a flight that was sent at since. A full batch that was answered
// in time lets the limit grow.
func (h *health) landed(o outcome, since time.Time, full bool, now time.Time) {
	switch {
	case o.answered:
		h.answered(now)
		h.trip = now.Sub(since)
		if full {
			h.limit = min(h.max, 2*h.limit)
		}
	case o.unsent:
	case o.timedOut:
		h.late(since, now)
	default:
		h.failed = true
	}
}

// outcome is what the replies to a flight say about the server, and about the connection.
type outcome struct {
	answered bool // one of the calls
	broken   bool // the connection is of no use any more
	unsent   bool // nothing was sent
	timedOut bool // the client has ended the wait for an answer
}

func outcomeOf(replies []driver.Reply) outcome {
	o := outcome{unsent: true}
	for i := range replies {
		switch err := replies[i].Err; {
		case err == nil, driver.IsReply(err):
			o.answered, o.unsent = true, false
		case errors.Is(err, driver.ErrNotSent):
			o.broken = true
		default:
			o.broken, o.unsent = true, false
			o.timedOut = o.timedOut || timedOut(err)
		}
	}
	return o
}

func timedOut(err error) bool {
	var timed interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timed) && timed.Timeout()
}
