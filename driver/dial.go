package driver

import (
	"context"
	"errors"
)

// Dialer is implemented by a Pool that can make connections for the engine alone, so
// that making one is not part of a call. The engine keeps a few for each server while
// they are used, and closes them later. So locks do not wait for connections that the
// application's own commands use.
type Dialer interface {
	// Dial makes a connection that is ready for calls: connected, authenticated,
	// with its database selected. It takes the time that the client's own
	// configuration allows for that. lane is one that the pool's [Laner] has named,
	// or empty.
	//
	// An error means that nothing was sent.
	Dial(ctx context.Context, lane string) (Conn, error)
}

// Conn is one connection. One goroutine uses it at a time.
type Conn interface {
	// Eval is that of a [Pool], and EvalBatch that of a [Batcher]. Both fail with
	// an error that is [ErrNotSent] when they find, before they write anything, that
	// the connection cannot be used any more. After any error that the server has
	// not sent, the caller closes the connection.
	Eval(ctx context.Context, call *Call) (any, error)
	EvalBatch(ctx context.Context, calls []*Call) []Reply

	// Bounded reports whether Eval and EvalBatch return by the deadline of their
	// ctx, or at once after it, whatever the server and the network do.
	Bounded() bool

	// Close closes the connection. It may be called while Eval is under way, which
	// then fails.
	Close() error
}

// ErrNotSent means that nothing of a call was written.
var ErrNotSent = errors.New("driver: the connection is closed, and nothing was sent")

// Laner is implemented by a Pool that stands for several servers, of which one may be
// silent while others answer: a Cluster.
type Laner interface {
	// Lane names the server that the call goes to, or is empty where that is not
	// known without asking.
	Lane(call *Call) string
}
