package driver

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
)

// errMoved ends a subscription whose server may be the wrong one by now.
var errMoved = errors.New("driver: the server at the pool's address has changed")

// FailoverDetector detects for an adapter that its pool's address leads to another server
// by now. After a failover connections to the old server are as healthy as before; only
// answers show it.
//
// The zero FailoverDetector is ready for use, and safe for concurrent use.
type FailoverDetector struct{ failovers atomic.Uint64 }

// Observe takes the error of a call. It reports whether the answer is one of a server
// that does not, or no longer, serve the address. The adapter must not use that
// connection again, as only a new one can lead to another server.
func (d *FailoverDetector) Observe(err error) bool {
	wrong := IsReply(err) && anyRoot(err, wrongServer)
	if wrong {
		d.failovers.Add(1)
	}
	return wrong
}

// ObserveBatch is Observe for the replies of a batch.
func (d *FailoverDetector) ObserveBatch(replies []Reply) (wrong bool) {
	for _, reply := range replies {
		wrong = reply.Err != nil && d.Observe(reply.Err) || wrong
	}
	return wrong
}

// Watch returns a function for a subscription, which calls it before each PING. It
// returns an error once Observe has reported true since Watch: what the new server
// publishes does not reach a subscription of the old one.
func (d *FailoverDetector) Watch() func() error {
	since := d.failovers.Load()
	return func() error {
		if d.failovers.Load() != since {
			return errMoved
		}
		return nil
	}
}

// readOnly is in the answer to a script too, where older servers put other text
// before it.
const readOnly = "READONLY You can't write against a read only replica"

// wrongServer reports whether an answer is a replica's, or the last one on its connection.
// A server hangs up after a protocol error, which is what a long command is to one that
// wants a password. LOADING is among them: a connection does not survive a restart, so a
// server that begins to load under one has become the replica of another.
func wrongServer(text string) bool {
	text = withoutERR(text) // which one of the clients takes away
	for _, word := range []string{"READONLY ", "MASTERDOWN ", "LOADING ", "Protocol error"} {
		if strings.HasPrefix(text, word) {
			return true
		}
	}
	return strings.Contains(text, readOnly)
}

// withoutERR cuts the code off that stands before an answer without a code of its own.
func withoutERR(text string) string { return strings.TrimPrefix(text, "ERR ") }

// anyRoot reports whether one of the innermost errors fits: what the server sent, without
// what hooks and adapters have put around it.
func anyRoot(err error, fits func(text string) bool) bool {
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		if inner := err.Unwrap(); inner != nil {
			return anyRoot(inner, fits)
		}
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(err.Unwrap(), func(inner error) bool { return anyRoot(inner, fits) })
	}
	return fits(err.Error())
}
