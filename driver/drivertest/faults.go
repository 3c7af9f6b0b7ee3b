package drivertest

import (
	"cmp"
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// kind is what the error of a call says about its fault. The engine decides by it, and so
// do applications, so it is the same with every client library.
type kind struct {
	answered bool // errors.As finds a [driver.ReplyError]
	refused  bool // errors.Is finds ECONNREFUSED: no process listens
	timedOut bool // errors.Is finds context.DeadlineExceeded, or its Timeout says so
}

func kindOf(err error) kind {
	var timed interface{ Timeout() bool }
	return kind{
		answered: driver.IsReply(err),
		refused:  errors.Is(err, syscall.ECONNREFUSED),
		timedOut: errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timed) && timed.Timeout(),
	}
}

// fault is a server at which every call fails.
type fault struct {
	// start starts it. After the client was made begin makes the server fail.
	start func(t *testing.T) (addr string, begin func())
	limit time.Duration // of each call; 0 for patience
	kind  kind
	text  string // a part of the error's
	// dials reports that Dial fails as a call does. Otherwise a connection can be made.
	dials bool
	// slow reports that Dial takes the client's own time, so that it is not tried.
	slow bool
}

// faults are those whose kind no other case looks at. WrongPassword and Conns/Login,
// WrongType, OutOfMemory, ReadOnlyReplica and AnswersAreFinal (LOADING, READONLY,
// MASTERDOWN and others) require that the server's answers are answered, and nothing else.
var faults = map[string]fault{
	"DeadServer":         {start: deadServer, kind: kind{refused: true}, text: "refused", dials: true},
	"HungServer":         {start: hungServer, limit: soon, kind: kind{timedOut: true}},
	"HungHandshake":      {start: hungHandshake, limit: soon, kind: kind{timedOut: true}, slow: true},
	"LostConnection":     {start: hangingUp},
	"NoScriptPermission": {start: noScripts, kind: kind{answered: true}, text: "NOPERM"},
}

// deadServer is an address at which no process listens.
func deadServer(t *testing.T) (addr string, begin func()) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String(), func() {}
}

// hungServer answers no call.
func hungServer(t *testing.T) (addr string, begin func()) {
	ended := make(chan struct{})
	server := StartFakeServer(t, func(Request) string {
		<-ended
		return HangUp
	})
	t.Cleanup(func() { close(ended) }) // before the server's own
	return server.Addr(), func() {}
}

// hungHandshake answers nothing at all.
func hungHandshake(t *testing.T) (addr string, begin func()) {
	node := redistest.StartOne(t, redistest.WithProxy())
	return node.Addr(), func() { node.Proxy().DropRequests(true) }
}

// hangingUp closes the connection in place of an answer.
func hangingUp(t *testing.T) (addr string, begin func()) {
	return StartFakeServer(t, func(Request) string { return HangUp }).Addr(), func() {}
}

// noScripts allows everything but scripts.
func noScripts(t *testing.T) (addr string, begin func()) {
	redistest.Needs(t, redistest.CanConfig) // a server of our own
	node := redistest.StartOne(t)
	node.Do(t, "ACL", "SETUSER", "default", "-evalsha", "-eval")
	return node.Addr(), func() {}
}

// faults has calls fail in each way that a call can be made.
func (s suite) faults(t *testing.T) {
	for name, f := range faults {
		s.run(t, name, func(t *testing.T) {
			addr, begin := f.start(t)
			pool := s.pool(t, addr, Options{ReadTimeout: ages})
			begin()
			f.check(t, "Eval", pool.Eval)
			if batcher, ok := pool.(driver.Batcher); ok {
				f.checkBatch(t, "EvalBatch", batcher.EvalBatch)
			}
			if dialer, ok := pool.(driver.Dialer); ok && !f.slow {
				f.checkConn(t, dialer)
			}
		})
	}
}

// check makes a call by eval, and looks at its error.
func (f fault) check(t *testing.T, how string, eval func(context.Context, *driver.Call) (any, error)) {
	t.Helper()
	reply, err := eval(within(t, cmp.Or(f.limit, patience)), check("key", "token"))
	require.Nil(t, reply, how)
	f.checkError(t, how, err)
}

// checkBatch does the same for two calls.
func (f fault) checkBatch(t *testing.T, how string, eval func(context.Context, []*driver.Call) []driver.Reply) {
	t.Helper()
	for _, reply := range eval(within(t, cmp.Or(f.limit, patience)), []*driver.Call{check("key", "token"), check("key", "other")}) {
		require.Nil(t, reply.Value, how)
		f.checkError(t, how, reply.Err)
	}
}

// checkConn makes calls on connections of the caller's own.
func (f fault) checkConn(t *testing.T, dialer driver.Dialer) {
	t.Helper()
	if f.dials {
		_, err := dialer.Dial(within(t, cmp.Or(f.limit, patience)), "")
		f.checkError(t, "Dial", err)
		return
	}
	f.check(t, "Conn.Eval", dial(t, dialer).Eval)
	f.checkBatch(t, "Conn.EvalBatch", dial(t, dialer).EvalBatch)
}

func (f fault) checkError(t *testing.T, how string, err error) {
	t.Helper()
	require.Error(t, err, how)
	require.Equal(t, f.kind, kindOf(err), "%s: %v", how, err)
	require.ErrorContains(t, err, f.text, how)
}
