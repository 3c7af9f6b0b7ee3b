package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

// Class orders the requests that wait in a lane: a lower one leaves first, each in order.
type Class uint8

const (
	// next is what must go alone, and was skipped by a batch: calls of a lower class
	// that keep coming do not hold it up.
	next Class = iota
	// Urgent are renewals and releases: a lease may be lost by waiting, or others are
	// kept out.
	Urgent
	// Ordinary are acquires and questions, for which a caller waits.
	Ordinary
	// Looks are a waiter's repeated acquires, which find out what no message has said.
	Looks
	// Left are those whose callers have gone, but which are worth sending: a slow
	// server, too, should know of a lease that the others have granted. Their number
	// is bounded.
	Left

	classes
)

// Request is one call on its way to one node. Its maker fills in the exported fields
// and posts it, once. It must not be copied afterwards, nor used again unless it is
// Reusable.
type Request struct {
	Call  *driver.Call
	Class Class
	// Bound is how long an answer may take from the moment of sending, and how long
	// a server may be silent before a request that waits is given up.
	Bound time.Duration
	// Token keeps calls about the same token out of one batch, as they might be
	// answered by different states of it. Empty: with nothing in common.
	Token string
	// Alone keeps a call whose cost grows with its arguments out of every batch.
	Alone bool
	// Patient has a call that comes first wait for others to join it, as its answer is
	// not urgent.
	Patient bool
	// Values are the caller's context values, for tracing. A batch of several calls
	// carries those of no caller.
	Values context.Context
	// Passage is room for a context, which must not have been used. It may be nil: its
	// maker can so have the memory for several at once.
	Passage *Passage
	// To is notified of what becomes of the request.
	To Observer

	lane sender
	own  flight // of a request that leaves first
	sent clock.Instant

	// Guarded by the lane's mutex.
	posted   time.Time
	waits    bool // in the queue of its class
	late     bool // as was reported, or is about to be
	requeued bool // waits again, or has done so
}

// sender is the lane that a request was posted to.
type sender interface {
	withdraw(r *Request) bool
	leave(r *Request)
}

// Reusable reports that nothing looks at the request any more once its observer's last
// method has returned. What has reported its lateness may, and its first flight if
// there was another one.
func (r *Request) Reusable() bool { return !r.late && !r.requeued }

// Sent is the moment just before the request left. It is valid once the observer was
// notified of an answer or of lateness, and zero when it was not sent.
func (r *Request) Sent() clock.Instant { return r.sent }

// Observer is notified of what becomes of a request, outside every lock and never by the
// goroutine that is still in Post or Leave. One of Unsent and Answered is called, once;
// before it, and never at the same time, perhaps Late. A driver that keeps the deadline
// returns without an answer before that.
type Observer interface {
	// Unsent says that the request was not sent and never will be.
	Unsent(r *Request, cause error)
	// Late says that the request was sent, and that its bound has passed without an
	// answer. It may still be run. (That it was not even sent may be found out later
	// where the driver waits for a connection.)
	Late(r *Request)
	// Answered says what came back: a reply, or an error that leaves it open whether
	// the call was run unless the server itself has sent it.
	Answered(r *Request, reply any, err error)
}

// Why a request was not sent.
var (
	ErrSilent  error = Timeout("not asked: the server has not answered anything for some time")
	ErrCrowded       = errors.New("not asked: too many calls to it are waiting whose callers have gone")
)

// Timeout is an error that reports, as those of package net do, that it is a timeout.
type Timeout string

func (t Timeout) Error() string { return string(t) }

// Timeout is true: see [net.Error].
func (Timeout) Timeout() bool { return true }

// newFlight is a flight that begins with the request. A connection that turns out to be
// closed costs another one: the driver may still look at the context of the first.
func (r *Request) newFlight() *flight {
	if r.own.node != nil {
		return new(flight)
	}
	return &r.own
}

// end reports what came back.
func (r *Request) end(got driver.Reply) {
	if !errors.Is(got.Err, driver.ErrNotSent) {
		r.To.Answered(r, got.Value, got.Err)
		return
	}
	if !r.late { // else the observer may be reading it
		r.sent = clock.Instant{}
	}
	r.To.Unsent(r, got.Err)
}
