package driver

import (
	"context"
	"errors"
	"strings"
)

// Pool sends calls to one independent Redis. It must be safe for concurrent
// use; the engine calls it from many goroutines.
type Pool interface {
	// Eval runs the call once and returns its reply: an int64, a string (for bulk
	// and status replies), nil, or a []any of these.
	//
	// It sends the call's Command. Only a script's call whose answer was NOSCRIPT is
	// sent again, as its SourceCommand. Eval never retries otherwise: a call whose
	// reply was lost may have run.
	//
	// ctx always carries a deadline, after which the reply is of no use. Eval should
	// return by then, but the engine does not rely on it. The values of ctx are the
	// caller's, for tracing.
	//
	// An error that the server itself sent is a [*ReplyError]. Any other error
	// means that the outcome is not known.
	Eval(ctx context.Context, call *Call) (any, error)
}

// Bounded is implemented by a Pool that can promise when a call returns. When
// there is only one node to ask, the engine then calls it in the caller's own
// goroutine. That saves the cost of another one and of two switches.
type Bounded interface {
	// EvalBounded is Eval, but returns by the deadline of its ctx, or at once
	// after it, whatever the server and the network do. When the Pool cannot
	// promise that at the moment, ok is false at once, and nothing was sent.
	EvalBounded(ctx context.Context, call *Call) (reply any, ok bool, err error)
}

// Validator is implemented by a Pool that knows, without asking the server,
// that it cannot serve as a voter.
type Validator interface {
	// Validate returns why the pool cannot be used (no client, a client that
	// spreads keys over several independent servers), or nil. The engine asks
	// before it sends anything, and reports the error as a misconfiguration.
	Validate() error
}

// ReplyError is an error that the server sent in reply, as opposed to one of
// the connection. The node is up, and it did not run the call to its end.
// Commands and Holdfast's scripts fail before their first write, so nothing was changed.
type ReplyError struct {
	// Err is the client library's own error, for errors.As.
	Err error
}

// unauthenticated is what a server answers instead of NOAUTH to a command of more than
// ten arguments.
const unauthenticated = "unauthenticated multibulk length"

func (e *ReplyError) Error() string {
	text := e.Err.Error()
	if strings.Contains(text, unauthenticated) {
		return "NOAUTH Authentication required: " + text
	}
	return text
}

// Unwrap returns the client library's own error.
func (e *ReplyError) Unwrap() error { return e.Err }

// IsReply reports whether the server itself sent err.
func IsReply(err error) bool {
	var reply *ReplyError
	return errors.As(err, &reply)
}

// RefusesKeys reports whether a server has not run a script because of its keys: they are
// not all on one server (TRYAGAIN), or may not be (CROSSSLOT).
func RefusesKeys(err error) bool {
	if err == nil {
		return false // before anything is allocated
	}
	var reply *ReplyError
	if !errors.As(err, &reply) {
		return false
	}
	text := reply.Err.Error()
	return strings.HasPrefix(text, "TRYAGAIN") || strings.HasPrefix(text, "CROSSSLOT")
}
