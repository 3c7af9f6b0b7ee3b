package outbox

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

// flight is one request to the server: of one call, or a batch.
type flight struct {
	node     *node
	health   *health
	passage  *Passage
	requests []*Request
	one      [1]*Request
	conn     *conn // nil where the pool itself is asked
	replies  []driver.Reply
	reply    [1]driver.Reply
	lateness sync.WaitGroup // reports of it that have not returned

	// Guarded by the lane's mutex.
	since  time.Time // when the bounds began: at its start, or when it was sent again
	late   bool      // a bound has passed without an answer
	closed bool      // the connection was closed, or is about to be
}

// Passage is the context of a flight. The application's hooks may keep it, so it is no
// part of what may be used again once the flight is over.
type Passage struct {
	*deadline // the longest of the flight's calls
	flight    *flight
	values    context.Context // of the only call's caller; a batch of several calls has none
}

// Value implements [context.Context].
func (p *Passage) Value(key any) any {
	if p.values == nil {
		return nil
	}
	return p.values.Value(key)
}

// ResendContext is for a flight that is sent once more: see [driver.ResendContext]. Its bounds begin anew,
// but validity counts from the first time. The server has answered, if only that it lacks
// a script.
func (p *Passage) ResendContext() context.Context {
	f := p.flight
	now := f.node.clock.Now().Time
	f.health.mu.Lock()
	defer f.health.mu.Unlock()
	f.health.answered(now)
	return f.begin(now)
}

// begin makes the flight's context. The lane's mutex is held.
func (f *flight) begin(now time.Time) *Passage {
	first := f.requests[0]
	p := first.Passage
	if first.Passage = nil; p == nil {
		p = new(Passage)
	}
	p.deadline, p.flight = f.node.deadlines.within(now, f.longest()), f
	if len(f.requests) == 1 {
		p.values = first.Values
	}
	f.since, f.passage = now, p
	return p
}

// longest is the longest bound of the calls.
func (f *flight) longest() (longest time.Duration) {
	for _, r := range f.requests {
		longest = max(longest, r.Bound)
	}
	return longest
}

// errNoReply is for a driver that returns fewer replies than it was given calls.
var errNoReply = errors.New("the driver has returned no reply")

// target is what runs a flight's calls: a connection, or the pool itself.
type target interface {
	Eval(ctx context.Context, call *driver.Call) (any, error)
}

// send runs the calls, and returns when the driver does.
func (f *flight) send() {
	var to target = f.node.pool
	if f.conn != nil {
		to = f.conn
	}
	if len(f.requests) == 1 {
		f.take(to.Eval(f.passage, f.requests[0].Call))
		return
	}
	calls := make([]*driver.Call, len(f.requests))
	for i, r := range f.requests {
		calls[i] = r.Call
	}
	f.replies = to.(driver.Batcher).EvalBatch(f.passage, calls)
	for len(f.replies) < len(calls) {
		f.replies = append(f.replies, driver.Reply{Err: errNoReply})
	}
}

// sendBounded is send if the driver promises to return in time. If it does not, it
// reports false, and nothing was sent.
func (f *flight) sendBounded() bool {
	bounded := f.node.bounded
	switch {
	case len(f.requests) > 1:
		return false
	case f.conn != nil && f.conn.Bounded():
		f.send()
		return true
	case f.conn != nil || bounded == nil:
		return false
	}
	reply, ok, err := bounded.EvalBounded(f.passage, f.requests[0].Call)
	f.take(reply, err)
	return ok
}

// take takes the reply to the only call.
func (f *flight) take(reply any, err error) {
	f.reply[0] = driver.Reply{Value: reply, Err: err}
	f.replies = f.reply[:]
}

// end reports the answers, but not while lateness is being reported. It returns a
// connection that broke. A flight is a part of its first request, so it may be gone as
// soon as that is reported.
func (f *flight) end() (broke *conn) {
	f.lateness.Wait()
	replies := f.replies
	if !f.closed && outcomeOf(replies).broken {
		broke = f.conn
	}
	f.passage = nil // which may have a caller's values
	for i, r := range f.requests {
		r.end(replies[i])
	}
	return broke
}
