// Package drivertest proves that an adapter keeps the contract of
// [driver.Pool]. Every adapter runs the same suite, so that the engine cannot
// tell one client library from another.
package drivertest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
)

// Options say how to open a client.
type Options struct {
	// Password to log in with; "" for none.
	Password string
	// MaxConns limits the client's connections, for one of which further calls wait; 0
	// for the client library's default.
	MaxConns int
	// ReadTimeout is the client's own. It must make no difference to calls. 0 for the
	// client library's default.
	ReadTimeout time.Duration
}

// Open makes a client of the server at addr, with the defaults of its library
// but for opts, and the adapter's pool of it. It must not connect. close closes
// the client and may be called more than once; Open registers it with t.Cleanup
// itself.
type Open func(t testing.TB, addr string, opts Options) (pool driver.Pool, close func())

// Run runs the whole suite.
func Run(t *testing.T, open Open) {
	s := suite{open}
	t.Run("Replies", s.replies)
	t.Run("OddKeys", s.oddKeys)
	t.Run("NoScript", s.noScript)
	t.Run("CommandStaysAsItIs", s.commandStaysAsItIs)
	t.Run("Concurrent", s.concurrent)
	t.Run("Commands", s.commands)

	t.Run("WrongType", s.wrongType)
	t.Run("WrongPassword", s.wrongPassword)
	t.Run("OutOfMemory", s.outOfMemory)
	t.Run("ReadOnlyReplica", s.readOnlyReplica)
	t.Run("MovedByClusterNode", s.movedByClusterNode)
	t.Run("AnswersAreFinal", s.answersAreFinal)

	t.Run("WrongServer", s.wrongServer)
	t.Run("WrongServerInABatch", s.wrongServerInABatch)
	t.Run("MovedAddress", s.movedAddress)
	t.Run("NoScriptInOtherWords", s.noScriptInOtherWords)

	t.Run("EndedContext", s.endedContext)
	t.Run("PausedServer", s.pausedServer)
	t.Run("HungFromTheStart", s.hungFromTheStart)
	t.Run("Exhausted", s.exhausted)

	t.Run("LostReply", s.lostReply)
	t.Run("LostConnection", s.lostConnection)
	t.Run("GoneAndBack", s.goneAndBack)
	t.Run("ClosedClient", s.closedClient)

	t.Run("Far", s.far)
	t.Run("Batch", s.batch)
	t.Run("Conns", s.conns)
}

// suite is the state of one Run.
type suite struct{ open Open }

// pool opens a client that no test has to close early.
func (s suite) pool(t testing.TB, addr string, opts Options) driver.Pool {
	t.Helper()
	pool, _ := s.open(t, addr, opts)
	return pool
}

const (
	// soon is the deadline of calls that cannot succeed.
	soon = 150 * time.Millisecond
	// patience is how long a test waits for what must happen. It is far above
	// soon, so that a slow machine makes no difference, and far below ages.
	patience = 30 * time.Second
	// ages is a client's own timeout, where it must not be what ends a call.
	ages = 2 * time.Minute
)

// within returns a ctx like those of the engine: it always has a deadline.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// answer is what a call returned.
type answer struct {
	reply any
	err   error
}

// evalInTime makes a call with a short deadline and fails the test if it does
// not return although that has passed.
func evalInTime(t testing.TB, pool driver.Pool, call *driver.Call) (any, error) {
	t.Helper()
	return receive(t, evalAsync(pool, within(t, soon), call))
}

// evalAsync makes a call in a goroutine of its own.
func evalAsync(pool driver.Pool, ctx context.Context, call *driver.Call) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		reply, err := pool.Eval(ctx, call)
		done <- answer{reply, err}
	}()
	return done
}

// receive waits for the outcome of evalAsync.
func receive(t testing.TB, done <-chan answer) (any, error) {
	t.Helper()
	select {
	case a := <-done:
		return a.reply, a.err
	case <-time.After(patience):
		require.FailNow(t, "the call did not return after its deadline")
		return nil, nil
	}
}

// requireUnknown checks an error that tells nothing of the outcome.
func requireUnknown(t testing.TB, reply any, err error) {
	t.Helper()
	require.Error(t, err)
	require.Falsef(t, driver.IsReply(err), "taken for the server's answer: %v", err)
	require.Nil(t, reply)
}

// requireAnswer checks an error that the server sent.
func requireAnswer(t testing.TB, reply any, err error, text string) {
	t.Helper()
	require.ErrorContains(t, err, text)
	require.Truef(t, driver.IsReply(err), "not taken for the server's answer: %v", err)
	require.Nil(t, reply)
}
