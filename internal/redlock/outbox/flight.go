package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

// flight is one request to the server: of one call, or a batch. It is the context of
// that request.
type flight struct {
	*window // ends with the longest bound of its calls

	lane     *lane
	requests []*Request
	one      [1]*Request
	conn     *conn         // nil where the pool itself is asked
	since    clock.Instant // when the bounds began: at its start, or when it was sent again
	reply    driver.Reply  // of one call
	replies  []driver.Reply
}

// Value implements [context.Context]. A batch of several calls has no caller.
func (f *flight) Value(key any) any {
	if len(f.requests) != 1 || f.requests[0].Values == nil {
		return nil
	}
	return f.requests[0].Values.Value(key)
}

// again is the context of a flight that is sent once more: see [driver.Again].
type again struct {
	*window
	*flight
}

func (a again) Deadline() (d time.Time, ok bool) { return a.window.Deadline() }
func (a again) Done() <-chan struct{}            { return a.window.Done() }
func (a again) Err() error                       { return a.window.Err() }
func (a again) Value(key any) any                { return a.flight.Value(key) }
func (a again) Again() context.Context           { return a.flight.Again() }

// Again begins the bounds anew, and keeps when the calls were sent.
func (f *flight) Again() context.Context {
	now := f.lane.box.clock.Now()
	f.lane.mu.Lock()
	defer f.lane.mu.Unlock()
	f.since = now
	return again{f.lane.box.windows.within(now.Time, f.longest()), f}
}

// longest is the longest bound of the calls.
func (f *flight) longest() (longest time.Duration) {
	for _, r := range f.requests {
		longest = max(longest, r.Bound)
	}
	return longest
}

// send runs the calls, and returns when the driver does.
func (f *flight) send() {
	if len(f.requests) == 1 {
		f.reply.Value, f.reply.Err = f.target().Eval(f, f.requests[0].Call)
		return
	}
	calls := make([]*driver.Call, len(f.requests))
	for i, r := range f.requests {
		calls[i] = r.Call
	}
	f.replies = f.target().(driver.Batcher).EvalBatch(f, calls)
}

func (f *flight) target() target {
	if f.conn != nil {
		return f.conn
	}
	return f.lane.box.pool
}

// result is what came back for the i-th call.
func (f *flight) result(i int) driver.Reply {
	if len(f.requests) == 1 {
		return f.reply
	}
	return f.replies[i]
}

// heard reports that the server has answered any of the calls.
func (f *flight) heard() bool {
	for i := range f.requests {
		if err := f.result(i).Err; err == nil || driver.IsReply(err) {
			return true
		}
	}
	return false
}

// broken reports that the connection is of no use any more.
func (f *flight) broken() bool {
	for i := range f.requests {
		if err := f.result(i).Err; err != nil && !driver.IsReply(err) {
			return true
		}
	}
	return false
}

// unsent reports that a connection that was kept had been closed meanwhile, so that
// another one may serve.
func (f *flight) unsent() bool {
	return f.conn != nil && f.conn.kept && errors.Is(f.result(0).Err, driver.ErrNotSent)
}

// tell passes the answers on.
func (f *flight) tell() {
	for i, r := range f.requests {
		got := f.result(i)
		if errors.Is(got.Err, driver.ErrNotSent) {
			r.To.Unsent(r, got.Err)
			continue
		}
		r.To.Answered(r, got.Value, got.Err)
	}
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
	reply, ok, err := bounded.EvalBounded(f, f.requests[0].Call)
	f.reply = driver.Reply{Value: reply, Err: err}
	return ok
}

// timedOut reports that the client has ended the wait for an answer.
func (f *flight) timedOut() bool {
	err := f.result(0).Err
	var timed interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timed) && timed.Timeout()
}
