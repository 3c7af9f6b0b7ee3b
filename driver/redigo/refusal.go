package redigo

import (
	"errors"
	"sync/atomic"
	"syscall"
	"time"
)

// refusedFor is how long a refused connection is remembered. A pool whose server
// is down has no connections, so each of its calls would dial; with two of five
// servers down, those dials took about as much CPU as all the rest. A server that
// is up again is seen at most this much later.
const refusedFor = 5 * time.Millisecond

// refusal is the memory that the server's machine refused a connection: no
// server listens there. Other failures are not remembered. They are no sign that the
// next dial fails too, and those that take long cost little CPU.
type refusal struct {
	last atomic.Pointer[refused] // nil when the last connection was had
}

type refused struct {
	at  time.Time
	err error
}

// recent returns the error of a dial that was refused a moment ago, or nil.
func (r *refusal) recent() error {
	last := r.last.Load()
	if last == nil || time.Since(last.at) >= refusedFor {
		return nil
	}
	return last.err
}

// note takes the outcome of getting a connection.
func (r *refusal) note(err error) {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		r.last.Store(&refused{time.Now(), err})
	case err == nil && r.last.Load() != nil:
		r.last.Store(nil)
	}
}
