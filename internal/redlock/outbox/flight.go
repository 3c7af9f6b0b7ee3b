package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

// flight is one request to the server: of one call, or a batch.
type flight struct {
	lane     *lane
	passage  *Passage
	requests []*Request
	one      [1]*Request
	conn     *conn // nil where the pool itself is asked
	replies  []driver.Reply
	reply    [1]driver.Reply

	// Guarded by the lane's mutex.
	since   time.Time // when the bounds began: at its start, or when it was sent again
	late    bool      // a bound has passed without an answer
	telling int       // looks that are telling so
	landed  bool
	closed  bool    // the connection was closed, or is about to be
	closes  []*conn // what the flight has to close once it has told its answers
}

// Passage is the context of a flight. The application's hooks may keep it, so it is no
// part of what may be used again once the flight is over.
type Passage struct {
	*window // ends with the longest bound of the flight's calls
	flight  *flight
	values  context.Context // of the only call's caller; a batch of several calls has none
}

// Value implements [context.Context].
func (p *Passage) Value(key any) any {
	if p.values == nil {
		return nil
	}
	return p.values.Value(key)
}

// ResendContext is for a flight that is sent once more: see [driver.ResendContext].
func (p *Passage) ResendContext() context.Context { return p.flight.again() }

// begin makes the flight's context.
func (f *flight) begin(now time.Time) *Passage {
	first := f.requests[0]
	p := first.Passage
	if first.Passage = nil; p == nil {
		p = new(Passage)
	}
	p.window, p.flight = f.lane.box.windows.within(now, f.longest()), f
	if len(f.requests) == 1 {
		p.values = first.Values
	}
	f.since, f.passage = now, p
	return p
}

// again begins the bounds anew, and keeps when the calls were sent. The server has
// answered, if only that it lacks a script.
func (f *flight) again() context.Context {
	now := f.lane.box.clock.Now().Time
	f.lane.mu.Lock()
	defer f.lane.mu.Unlock()
	f.lane.hear(now)
	return f.begin(now)
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

// send runs the calls, and returns when the driver does.
func (f *flight) send() {
	if len(f.requests) == 1 {
		f.reply[0].Value, f.reply[0].Err = f.target().Eval(f.passage, f.requests[0].Call)
		f.replies = f.reply[:]
		return
	}
	calls := make([]*driver.Call, len(f.requests))
	for i, r := range f.requests {
		calls[i] = r.Call
	}
	f.replies = f.target().(driver.Batcher).EvalBatch(f.passage, calls)
	for len(f.replies) < len(calls) {
		f.replies = append(f.replies, driver.Reply{Err: errNoReply})
	}
}

func (f *flight) target() target {
	if f.conn != nil {
		return f.conn
	}
	return f.lane.box.pool
}

// sendBounded is send if the driver promises to return in time. If it does not, it
// reports false, and nothing was sent.
func (f *flight) sendBounded() bool {
	if len(f.requests) > 1 {
		return false
	}
	if f.conn != nil {
		if !f.conn.Bounded() {
			return false
		}
		f.send()
		return true
	}
	bounded := f.lane.box.bounded
	if bounded == nil {
		return false
	}
	reply, ok, err := bounded.EvalBounded(f.passage, f.requests[0].Call)
	f.reply[0] = driver.Reply{Value: reply, Err: err}
	f.replies = f.reply[:]
	return ok
}

// heard reports that the server has answered any of the calls.
func (f *flight) heard() bool {
	for i := range f.requests {
		if err := f.replies[i].Err; err == nil || driver.IsReply(err) {
			return true
		}
	}
	return false
}

// broken reports that the connection is of no use any more.
func (f *flight) broken() bool {
	for i := range f.requests {
		if err := f.replies[i].Err; err != nil && !driver.IsReply(err) {
			return true
		}
	}
	return false
}

// unsent reports that nothing was sent.
func (f *flight) unsent() bool {
	for i := range f.requests {
		if !errors.Is(f.replies[i].Err, driver.ErrNotSent) {
			return false
		}
	}
	return true
}

// stale reports that a connection that was kept had been closed meanwhile, so that
// another one may serve.
func (f *flight) stale() bool { return f.conn != nil && f.conn.kept && f.unsent() }

// gaveUp reports that the driver has returned at its deadline, or later. The deadline
// may be a little before the end of the bound: see [window].
func (f *flight) gaveUp(now time.Time) bool {
	bound := f.longest()
	return now.Sub(f.since) >= bound-bound/8
}

// timedOut reports that the client has ended the wait for an answer.
func (f *flight) timedOut() bool { return timedOut(f.replies[0].Err) }

func timedOut(err error) bool {
	var timed interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timed) && timed.Timeout()
}

// end passes the answers on, and closes a connection that is broken. A flight is a part of
// its first request, so it may be gone as soon as that is told.
func (f *flight) end() {
	l, replies, closes := f.lane, f.replies, f.closes
	f.passage = nil // which may have a caller's values
	for i, r := range f.requests {
		r.tell(replies[i])
	}
	l.close(closes)
}

func (r *Request) tell(got driver.Reply) {
	if !errors.Is(got.Err, driver.ErrNotSent) {
		r.To.Answered(r, got.Value, got.Err)
		return
	}
	if !r.late { // else the observer may be reading it
		r.sent = clock.Instant{}
	}
	r.To.Unsent(r, got.Err)
}
