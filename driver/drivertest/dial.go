package drivertest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// dialing is a pool that calls on connections made by a [driver.Dialer], as the engine
// does: one call at a time on each, and none again after an error of its own.
type dialing struct {
	driver.Dialer
	mu   sync.Mutex
	idle []driver.Conn // guarded by mu
}

// overConns opens clients whose calls go by connections made for the caller alone.
func overConns(open Open) Open {
	return func(t testing.TB, addr string, opts Options) (driver.Pool, func()) {
		pool, closePool := open(t, addr, opts)
		d := &dialing{Dialer: pool.(driver.Dialer)}
		t.Cleanup(d.close)
		return d, closePool
	}
}

func (d *dialing) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, conn := range d.idle {
		_ = conn.Close()
	}
	d.idle = nil
}

// take returns a connection that is ready.
func (d *dialing) take(ctx context.Context) (driver.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.idle); n > 0 {
		conn := d.idle[n-1]
		d.idle = d.idle[:n-1]
		return conn, nil
	}
	return d.Dial(ctx, "")
}

func (d *dialing) giveBack(conn driver.Conn, broken bool) {
	if broken {
		_ = conn.Close()
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.idle = append(d.idle, conn)
}

func own(err error) bool { return err != nil && !driver.IsReply(err) }

// Eval implements [driver.Pool].
func (d *dialing) Eval(ctx context.Context, call *driver.Call) (any, error) {
	for {
		conn, err := d.take(ctx)
		if err != nil {
			return nil, err
		}
		reply, err := conn.Eval(ctx, call)
		d.giveBack(conn, own(err))
		if !errors.Is(err, driver.ErrNotSent) {
			return reply, err
		}
	}
}

// EvalBatch implements [driver.Batcher].
func (d *dialing) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	for {
		conn, err := d.take(ctx)
		if err != nil {
			replies := make([]driver.Reply, len(calls))
			for i := range replies {
				replies[i].Err = err
			}
			return replies
		}
		replies := conn.EvalBatch(ctx, calls)
		broken, unsent := false, len(calls) > 0
		for _, reply := range replies {
			broken = broken || own(reply.Err)
			unsent = unsent && errors.Is(reply.Err, driver.ErrNotSent)
		}
		d.giveBack(conn, broken)
		if !unsent {
			return replies
		}
	}
}

// conns runs the cases of [driver.Dialer], and those of a pool on its connections.
func (s suite) conns(t *testing.T) {
	s.dialer(t, StartFakeServer(t, func(Request) string { return HangUp }).Addr(), Options{}) // or skip
	on := suite{overConns(s.open), s.excuses}
	on.run(t, "Replies", on.replies)
	on.run(t, "OddKeys", on.oddKeys)
	on.run(t, "NoScript", on.noScript)
	on.run(t, "CommandStaysAsItIs", on.commandStaysAsItIs)
	on.run(t, "Concurrent", on.concurrent)
	on.run(t, "Commands", on.commands)
	on.run(t, "WrongType", on.wrongType)
	on.run(t, "OutOfMemory", on.outOfMemory)
	on.run(t, "AnswersAreFinal", on.answersAreFinal)
	on.run(t, "PausedServer", on.pausedServer)
	on.run(t, "LostReply", on.lostReply)
	on.run(t, "LostConnection", on.lostConnection)
	on.run(t, "GoneAndBack", on.goneAndBack)
	on.run(t, "WrongServer", on.wrongServer)
	on.run(t, "WrongServerInABatch", on.wrongServerInABatch)
	on.run(t, "NoScriptInOtherWords", on.noScriptInOtherWords)
	on.run(t, "BatchReplies", on.batchReplies)
	on.run(t, "BatchNoScript", on.batchNoScript)
	on.run(t, "BatchPausedServer", on.batchPausedServer)
	on.run(t, "BatchLostReply", on.batchLostReply)
	on.run(t, "BatchLostConnection", on.batchLostConnection)

	s.run(t, "Login", s.connLogin)
	s.run(t, "Exhausted", s.connExhausted)
	s.run(t, "Refused", s.connRefused)
	s.run(t, "Slow", s.connSlow)
	s.run(t, "ClosedByServer", s.connClosedByServer)
	s.run(t, "ClosedWhileInUse", s.connClosedWhileInUse)
	s.run(t, "Resend", s.connResend)
}

// dialer opens a client whose adapter makes connections.
func (s suite) dialer(t testing.TB, addr string, opts Options) driver.Dialer {
	t.Helper()
	return as[driver.Dialer](t, s.pool(t, addr, opts))
}

// dial makes a connection that is closed with the test.
func dial(t testing.TB, d driver.Dialer) driver.Conn {
	t.Helper()
	conn, err := d.Dial(within(t, patience), "")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// connLogin has a connection log in before the first call, and Dial report a wrong
// password.
func (s suite) connLogin(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithConfig("requirepass secret"))
	reply, err := dial(t, s.dialer(t, node.Addr(), Options{Password: "secret"})).
		Eval(within(t, patience), check(redistest.Name(t), "token"))
	require.NoError(t, err)
	require.Equal(t, keyMissing, reply)

	conn, err := s.dialer(t, node.Addr(), Options{Password: "wrong"}).Dial(within(t, patience), "")
	require.Nil(t, conn)
	require.True(t, driver.IsReply(err), "%v", err)
}

// connExhausted has the application hold all of the connections that its client may
// have: those that are made for the engine are others.
func (s suite) connExhausted(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	pool, _ := s.open(t, node.Addr(), Options{MaxConns: 1, ReadTimeout: ages})
	_, err := pool.Eval(within(t, patience), check("key", "token")) // connects
	require.NoError(t, err)
	node.Proxy().DropReplies(true)
	hung := evalAsync(pool, within(t, ages), check("key", "token"))
	require.Eventually(t, func() bool { return node.Proxy().DroppedReplies() > 0 }, patience, time.Millisecond)

	direct, _ := s.open(t, node.DirectAddr(), Options{MaxConns: 1})
	_, err = dial(t, direct.(driver.Dialer)).Eval(within(t, patience), check("key", "token"))
	require.NoError(t, err)
	for range 2 {
		_, err = dial(t, direct.(driver.Dialer)).Eval(within(t, patience), check("key", "token"))
		require.NoError(t, err)
	}
	node.Proxy().Heal()
	_, _ = receive(t, hung)
}

// connRefused has no process listen.
func (s suite) connRefused(t *testing.T) {
	redistest.Needs(t, redistest.CanKill)
	node := redistest.StartOne(t)
	d := s.dialer(t, node.Addr(), Options{})
	node.Kill(t)
	conn, err := d.Dial(within(t, patience), "")
	require.Nil(t, conn)
	require.ErrorContains(t, err, "refused")
}

// connSlow has a server take longer to greet than any call may last. The ctx has all
// the time in the world, as the engine's has.
func (s suite) connSlow(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	node.Proxy().Delay(2 * soon)
	conn := dial(t, s.dialer(t, node.Addr(), Options{}))
	node.Proxy().Delay(0)
	_, err := conn.Eval(within(t, patience), check(redistest.Name(t), "token"))
	require.NoError(t, err)
}

// connClosedByServer has the server close a connection that is not in use. A client
// that sees it says that nothing was sent; one that cannot see it has sent it in vain.
func (s suite) connClosedByServer(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	conn, key := dial(t, s.dialer(t, node.Addr(), Options{})), redistest.Name(t)
	_, err := conn.Eval(within(t, patience), check(key, "token"))
	require.NoError(t, err)
	node.Proxy().Cut()
	node.Proxy().Heal()
	before := node.Proxy().Connections()
	for range 2 {
		reply, err := conn.Eval(within(t, patience), acquire(key, "token"))
		requireUnknown(t, reply, err)
		require.EqualValues(t, 0, node.Do(t, "EXISTS", key))
	}
	require.Equal(t, before, node.Proxy().Connections(), "it does not connect anew by itself")
}

// connClosedWhileInUse has the caller close a connection on which a call waits, as one
// does whose own clock has run out.
func (s suite) connClosedWhileInUse(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	conn := dial(t, s.dialer(t, node.Addr(), Options{}))
	node.Proxy().DropReplies(true)
	done := make(chan answer, 1)
	go func() {
		reply, err := conn.Eval(within(t, ages), check("key", "token"))
		done <- answer{reply, err}
	}()
	require.Eventually(t, func() bool { return node.Proxy().DroppedReplies() > 0 }, patience, time.Millisecond)
	require.NoError(t, conn.Close())
	reply, err := receive(t, done)
	requireUnknown(t, reply, err)
}

// connResend has the server lack the script at a distance at which two round trips take
// longer than one call may: the second request has a time of its own.
func (s suite) connResend(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	conn := dial(t, s.dialer(t, node.Addr(), Options{}))
	node.Do(t, "SCRIPT", "FLUSH")
	const trip, bound = time.Second, 1750 * time.Millisecond // a loaded machine adds a good part of a second
	node.Proxy().Delay(trip)
	ctx := &renewable{Context: within(t, bound), again: func() context.Context { return within(t, patience) }}
	reply, err := conn.Eval(ctx, check(redistest.Name(t), "token"))
	require.NoError(t, err)
	require.Equal(t, keyMissing, reply)

	node.Do(t, "SCRIPT", "FLUSH")
	ctx = &renewable{Context: within(t, bound), again: ctx.again}
	for _, reply := range conn.EvalBatch(ctx, []*driver.Call{check("a", "token"), check("b", "token")}) {
		require.NoError(t, reply.Err)
		require.Equal(t, keyMissing, reply.Value)
	}
}

// renewable is a ctx like the engine's: see [driver.ResendContext].
type renewable struct {
	context.Context
	again func() context.Context
}

func (r *renewable) ResendContext() context.Context { return r.again() }
