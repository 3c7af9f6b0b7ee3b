package driver

import (
	"errors"
	"strings"
	"sync/atomic"
)

// errMoved ends a subscription whose server may be the wrong one by now.
var errMoved = errors.New("driver: the server at the pool's address has changed")

// Place is what an adapter knows of the server that its pool's address leads to. An
// address may move to another server, after a failover for example, while connections
// to the old one are as healthy as ever. Only its answers tell.
//
// The zero Place is ready for use.
type Place struct{ left atomic.Uint64 }

// Heed takes the error of a call. It returns true if the server has said that it is
// not, or no longer, the one that serves the address: the adapter must not use the
// connection again, as only a new one can lead to another server.
func (p *Place) Heed(err error) bool {
	wrong := IsReply(err) && wrongServer(root(err).Error())
	if wrong {
		p.left.Add(1)
	}
	return wrong
}

// Watch returns a function that a subscription asks before each PING: it returns an
// error once Heed has returned true. What the new server publishes does not reach a
// subscription of the old one.
func (p *Place) Watch() func() error {
	since := p.left.Load()
	return func() error {
		if p.left.Load() != since {
			return errMoved
		}
		return nil
	}
}

// readOnly is in the answer to a script too, where older servers put other words
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
