package drivertest

import (
	"context"
	"reflect"
	"strings"
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
	// for the client library's default. A client without such a limit ignores it.
	MaxConns int
	// ReadTimeout is the client's own. It must make no difference to calls. 0 for the
	// client library's default.
	ReadTimeout time.Duration
}

// Open makes a client of the server at addr, with the defaults of its library
// but for opts, and the adapter's pool of it. A client that connects when it is made
// must be made even if that fails. It sends nothing by itself for a minute after that,
// as the suite counts requests. close closes the client and may be called more than
// once; Open registers it with t.Cleanup itself.
type Open func(t testing.TB, addr string, opts Options) (pool driver.Pool, close func())

// Excuse is a case that a driver cannot pass because of its client library. The case is
// skipped with that reason.
type Excuse struct {
	Case   string // such as "Exhausted", or "Conns/Slow" for that of one group
	Reason string
}

// Run runs the cases of a pool, and those of the [driver.Batcher], [driver.Bounded] and
// [driver.Dialer] that it may also be. What it is not is skipped, so a driver states what
// it is beside its code:
//
//	var _ driver.Batcher = (*pool)(nil)
func Run(t *testing.T, open Open, excuses ...Excuse) {
	s := suite{open, excuses}
	s.run(t, "Replies", s.replies)
	s.run(t, "OddKeys", s.oddKeys)
	s.run(t, "NoScript", s.noScript)
	s.run(t, "CommandStaysAsItIs", s.commandStaysAsItIs)
	s.run(t, "Concurrent", s.concurrent)
	s.run(t, "Commands", s.commands)

	s.run(t, "WrongType", s.wrongType)
	s.run(t, "WrongPassword", s.wrongPassword)
	s.run(t, "OutOfMemory", s.outOfMemory)
	s.run(t, "ReadOnlyReplica", s.readOnlyReplica)
	s.run(t, "MovedByClusterNode", s.movedByClusterNode)
	s.run(t, "AnswersAreFinal", s.answersAreFinal)

	t.Run("Faults", s.faults)

	s.run(t, "WrongServer", s.wrongServer)
	s.run(t, "WrongServerInABatch", s.wrongServerInABatch)
	s.run(t, "MovedAddress", s.movedAddress)
	s.run(t, "NoScriptInOtherWords", s.noScriptInOtherWords)

	s.run(t, "EndedContext", s.endedContext)
	s.run(t, "PausedServer", s.pausedServer)
	s.run(t, "HungFromTheStart", s.hungFromTheStart)
	s.run(t, "Exhausted", s.exhausted)
	s.run(t, "Bounded", s.bounded)

	s.run(t, "LostReply", s.lostReply)
	s.run(t, "LostConnection", s.lostConnection)
	s.run(t, "GoneAndBack", s.goneAndBack)
	s.run(t, "ClosedClient", s.closedClient)

	s.run(t, "Far", s.far)
	s.run(t, "Batch", s.batch)
	s.run(t, "Conns", s.conns)
}

// suite is the state of one Run.
type suite struct {
	open    Open
	excuses []Excuse
}

// run runs a case, unless the driver is excused from it.
func (s suite) run(t *testing.T, name string, test func(t *testing.T)) {
	t.Run(name, func(t *testing.T) {
		for _, excuse := range s.excuses {
			if strings.HasSuffix(t.Name(), "/"+excuse.Case) {
				t.Skip(excuse.Reason) // a driver gives it beside its call of Run
			}
		}
		test(t)
	})
}

// as returns what a pool also is, or skips the case: a driver need not have every ability.
// One that has it states that beside its code, so that it cannot lose it unnoticed: see Run.
func as[ability any](t testing.TB, pool driver.Pool) ability {
	t.Helper()
	able, ok := pool.(ability)
	if !ok { // see above
		t.Skipf("the pool is no %s", reflect.TypeFor[ability]())
	}
	return able
}

// pool opens a client that no test has to close early.
func (s suite) pool(t testing.TB, addr string, opts Options) driver.Pool {
	t.Helper()
	pool, _ := s.open(t, addr, opts)
	return pool
}

// patience is how long a test waits for what must happen. It is far above
// soon, so that a slow machine makes no difference, and far below ages. Only the suite's
// own tests change it.
var patience = 30 * time.Second

const (
	// soon is the deadline of calls that cannot succeed.
	soon = 150 * time.Millisecond
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

// requireUnknown checks an error that leaves the outcome open.
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
