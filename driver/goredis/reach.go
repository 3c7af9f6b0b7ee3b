package goredis

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

// reach finds out why there is no answer.
//
// go-redis dials in the background, up to DialerRetries times, and tells a call that
// waits for a connection nothing before the last of them has failed. With its defaults
// that takes longer than a call lasts. So while no call is answered, one that has used up
// half of its time dials as well, only to see what happens.
type reach struct {
	dial   func(context.Context) (net.Conn, error) // nil for no probes
	noting func(error)                             // note, made once

	sure    atomic.Bool // the last call that ended was answered
	probing atomic.Bool
	trouble atomic.Pointer[error] // of the last probe since then; nil if there was none
}

func newReach(dial func(context.Context) (net.Conn, error)) *reach {
	r := &reach{dial: dial}
	r.noting = r.note
	return r
}

// watch begins a call that is under way until stop is called with its outcome.
func (r *reach) watch(ctx context.Context) (stop func(error)) {
	if r.sure.Load() || r.dial == nil {
		return r.noting
	}
	ctx, cancel := context.WithCancel(ctx)
	deadline, _ := ctx.Deadline()
	left := time.Until(deadline)
	timer := time.AfterFunc(left/2, func() { r.probe(ctx, left/4) })
	return func(err error) {
		timer.Stop()
		cancel()
		r.note(err)
	}
}

// note takes the outcome of a call.
func (r *reach) note(err error) {
	answered := err == nil || driver.IsReply(err)
	if r.sure.Load() != answered {
		r.sure.Store(answered)
	}
	if answered && r.trouble.Load() != nil {
		r.trouble.Store(nil)
	}
}

// probe dials and notes what stood in the way.
func (r *reach) probe(ctx context.Context, patience time.Duration) {
	if !r.probing.CompareAndSwap(false, true) {
		return
	}
	defer r.probing.Store(false)
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := r.dial(within)
	switch {
	case err == nil:
		_ = conn.Close()
		r.trouble.Store(nil)
	case ctx.Err() == nil: // the call is still waiting
		r.trouble.Store(&err)
	}
}

// Trouble implements [driver.Diagnoser].
func (r *reach) Trouble() error {
	if err := r.trouble.Load(); err != nil {
		return *err
	}
	return nil
}
