package redistest

import "sync/atomic"

// counters count what went through a proxy and what did not, so that a test can
// prove that its fault hit something. A chunk is what one read brought: for
// small commands and replies mostly one of them, or one pipeline.
type counters struct {
	accepted atomic.Int64
	severed  atomic.Int64
	delayed  atomic.Int64
	passed   [2]atomic.Int64 // by direction
	dropped  [2]atomic.Int64 // by direction
}

// count counts a chunk.
func (c *counters) count(to direction, passes bool) {
	if passes {
		c.passed[to].Add(1)
	} else {
		c.dropped[to].Add(1)
	}
}

// Connections is how many connections clients have made so far.
func (c *counters) Connections() int64 { return c.accepted.Load() }

// CutConnections is how many connections the proxy has broken so far: by Cut, and
// at the end of a fault that had made them lose something.
func (c *counters) CutConnections() int64 { return c.severed.Load() }

// Requests is how many chunks have been passed on to the server so far.
func (c *counters) Requests() int64 { return c.passed[toServer].Load() }

// Replies is how many chunks have been passed on to clients so far.
func (c *counters) Replies() int64 { return c.passed[toClient].Load() }

// DroppedRequests is how many chunks the server never saw so far.
func (c *counters) DroppedRequests() int64 { return c.dropped[toServer].Load() }

// DroppedReplies is how many chunks clients never saw so far.
func (c *counters) DroppedReplies() int64 { return c.dropped[toClient].Load() }

// DelayedReplies is how many chunks to clients had to wait so far. One that comes
// behind another counts when its turn comes, if it still has to wait then.
func (c *counters) DelayedReplies() int64 { return c.delayed.Load() }
