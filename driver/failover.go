package driver

import (
	"errors"
	"strings"
	"sync/atomic"
)

// errMoved ends a subscription whose server may be the wrong one by now.
var errMoved = errors.New("driver: the server at the pool's address has changed")

// FailoverDetector tells an adapter that its pool's address leads to another server by
// now. After a failover connections to the old server are as healthy as before; only
// answers show it.
//
// The zero FailoverDetector is ready for use, and safe for concurrent use.
type FailoverDetector struct{ failovers atomic.Uint64 }

// Observe takes the error of a call. It reports whether the answer is one of a server
// that does not, or no longer, serve the address. The adapter must not use that
// connection again, as only a new one can lead to another server.
func (d *FailoverDetector) Observe(err error) bool {
	wrong := IsReply(err) && wrongServer(root(err).Error())
	if wrong {
		d.failovers.Add(1)
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

// wrongServer reports whether an answer is a replica's, or the last one on its connection:
// a server hangs up after a protocol error, which is what a long command is to one that
// wants a password. LOADING is among them: a connection does not survive a restart, so a
// server that begins to load under one has become the replica of another.
func wrongServer(text string) bool {
	for _, word := range []string{"READONLY ", "MASTERDOWN ", "LOADING ", "ERR Protocol error"} {
		if strings.HasPrefix(text, word) {
			return true
		}
	}
	return strings.Contains(text, readOnly)
}

// root is the innermost error: what the server sent, without what hooks and adapters
// have put around it.
func root(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
