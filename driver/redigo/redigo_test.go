package redigo_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/drivertest"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// within returns a ctx with a deadline, as the engine's always have.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// acquire is a call that writes key, and again if token has it already.
func acquire(key, token string) *driver.Call {
	call := driver.NewCall(scripts.Mutex().Acquire, []any{key}, token, int64(60_000), "", int64(0), token)
	return &call
}

// dialing makes a pool of connections that dial returns.
func dialing(t testing.TB, dial func() (redis.Conn, error)) *redis.Pool {
	t.Helper()
	pool := &redis.Pool{MaxIdle: 3, Dial: dial}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

func TestValidate(t *testing.T) {
	dial := func() (redis.Conn, error) { return nil, io.EOF }
	dialContext := func(context.Context) (redis.Conn, error) { return nil, io.EOF }
	for name, c := range map[string]struct {
		pool   *redis.Pool
		reason string
	}{
		"nil":         {nil, "nil pool"},
		"no dial":     {&redis.Pool{}, "neither Dial nor DialContext"},
		"Dial":        {&redis.Pool{Dial: dial}, ""},
		"DialContext": {&redis.Pool{DialContext: dialContext}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			pool := redigo.NewPool(c.pool)
			err := pool.(driver.Validator).Validate()
			if c.reason == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.reason)
			}
			_, err = pool.Eval(within(t, patience), acquire("key", "token"))
			require.Error(t, err, "none of them has a server")
			require.False(t, driver.IsReply(err))
		})
	}
}

// A bounded call may run only code that is given ctx.
func TestBounded(t *testing.T) {
	node := redistest.StartOne(t)
	dial := func() (redis.Conn, error) { return redis.Dial("tcp", node.Addr()) }
	dialContext := func(ctx context.Context) (redis.Conn, error) {
		return redis.DialContext(ctx, "tcp", node.Addr())
	}
	test := func(redis.Conn, time.Time) error { return nil }
	testContext := func(context.Context, redis.Conn, time.Time) error { return nil }
	for name, c := range map[string]struct {
		pool        *redis.Pool
		fresh, idle bool // before the first call, and with an idle connection
	}{
		"DialContext":     {&redis.Pool{MaxIdle: 1, IdleTimeout: time.Hour, DialContext: dialContext}, true, true},
		"Dial":            {&redis.Pool{MaxIdle: 1, Dial: dial}, false, true},
		"used lately":     {&redis.Pool{MaxIdle: 1, Dial: dial, IdleTimeout: time.Hour}, false, true},
		"used long ago":   {&redis.Pool{MaxIdle: 1, Dial: dial, IdleTimeout: 1}, false, false},
		"lifetime":        {&redis.Pool{MaxIdle: 1, Dial: dial, MaxConnLifetime: time.Hour}, false, false},
		"test":            {&redis.Pool{MaxIdle: 1, DialContext: dialContext, TestOnBorrow: test}, false, false},
		"test by context": {&redis.Pool{MaxIdle: 1, DialContext: dialContext, TestOnBorrowContext: testContext}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Cleanup(func() { _ = c.pool.Close() })
			pool := redigo.NewPool(c.pool)
			bounded := pool.(driver.Bounded)
			call := acquire(redistest.Name(t), "token")
			for _, want := range []bool{c.fresh, c.idle, c.idle} {
				reply, ok, err := bounded.EvalBounded(within(t, patience), call)
				require.NoError(t, err)
				require.Equal(t, want, ok)
				if ok {
					require.Equal(t, int64(1), reply)
				}
				_, err = pool.Eval(within(t, patience), call) // leaves a connection idle
				require.NoError(t, err)
			}
		})
	}
}

// Two calls must not be promised the same idle connection.
func TestIdleConnectionIsPromisedOnce(t *testing.T) {
	node := redistest.StartOne(t)
	var dials atomic.Int32
	conns := &redis.Pool{MaxIdle: 1, Dial: func() (redis.Conn, error) {
		dials.Add(1)
		return redis.Dial("tcp", node.Addr())
	}}
	t.Cleanup(func() { _ = conns.Close() })
	pool := redigo.NewPool(conns)
	call := acquire(redistest.Name(t), "token")
	_, err := pool.Eval(within(t, patience), call)
	require.NoError(t, err)
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			for range 200 {
				_, _, err := pool.(driver.Bounded).EvalBounded(within(t, patience), call)
				assert.NoError(t, err)
			}
		})
	}
	done.Wait()
	require.EqualValues(t, 1, dials.Load(), "a bounded call has dialled")
}

// plainConn hides every ability of a connection but those of redis.Conn.
type plainConn struct{ redis.Conn }

// contextConn has DoContext besides, and says when it was used.
type contextConn struct {
	redis.Conn
	used *int
}

func (c contextConn) DoContext(ctx context.Context, name string, args ...any) (any, error) {
	*c.used++
	return redis.DoContext(c.Conn, ctx, name, args...)
}

func (c contextConn) ReceiveContext(ctx context.Context) (any, error) {
	return redis.ReceiveContext(c.Conn, ctx)
}

// timeoutConn notes the time limit of a command.
type timeoutConn struct {
	redis.Conn
	limit *time.Duration
}

func (c timeoutConn) DoWithTimeout(limit time.Duration, name string, args ...any) (any, error) {
	*c.limit = limit
	return redis.DoWithTimeout(c.Conn, limit, name, args...)
}

func (c timeoutConn) ReceiveWithTimeout(limit time.Duration) (any, error) {
	return redis.ReceiveWithTimeout(c.Conn, limit)
}

func TestConnectionsOfOtherTypes(t *testing.T) {
	redistest.Needs(t, redistest.CanFlush)
	node := redistest.StartOne(t)
	var used int
	for name, wrap := range map[string]func(redis.Conn) redis.Conn{
		"neither": func(c redis.Conn) redis.Conn { return plainConn{c} },
		"context": func(c redis.Conn) redis.Conn { return contextConn{c, &used} },
	} {
		t.Run(name, func(t *testing.T) {
			node.Do(t, "SCRIPT", "FLUSH")
			conns := dialing(t, func() (redis.Conn, error) {
				c, err := redis.Dial("tcp", node.Addr())
				return wrap(c), err
			})
			pool, key := redigo.NewPool(conns), redistest.Name(t)
			for range 2 {
				reply, err := pool.Eval(within(t, patience), acquire(key, "token"))
				require.NoError(t, err)
				require.EqualValues(t, 1, reply)
			}
			require.Equal(t, "token", node.Do(t, "GET", key))
			require.Equal(t, 1, conns.IdleCount())
		})
	}
	require.Equal(t, 3, used, "EVALSHA, EVAL, EVALSHA")
}

// The limit of a command is the time that is left, whatever the connection was
// dialled with.
func TestLimitIsTheTimeLeft(t *testing.T) {
	node := redistest.StartOne(t)
	var limit time.Duration
	conns := dialing(t, func() (redis.Conn, error) {
		c, err := redis.Dial("tcp", node.Addr(), redis.DialReadTimeout(time.Millisecond))
		return timeoutConn{c, &limit}, err
	})
	pool := redigo.NewPool(conns)
	for _, left := range []time.Duration{time.Minute, time.Hour} {
		_, err := pool.Eval(within(t, left), acquire(redistest.Name(t), "token"))
		require.NoError(t, err)
		require.LessOrEqual(t, limit, left)
		require.Greater(t, limit, left-patience)
	}
}

// What the server answers to the application's dial function is an answer.
func TestAnswerToDial(t *testing.T) {
	refused := redis.Error("WRONGPASS invalid username-password pair or user is disabled.")
	for name, err := range map[string]error{"as it is": refused, "wrapped": fmt.Errorf("dial: %w", refused)} {
		t.Run(name, func(t *testing.T) {
			pool := redigo.NewPool(dialing(t, func() (redis.Conn, error) { return nil, err }))
			_, got := pool.Eval(within(t, patience), acquire("key", "token"))
			require.True(t, driver.IsReply(got))
			require.ErrorIs(t, got, err)
		})
	}
}

// errConn fails every command.
type errConn struct {
	redis.Conn
	err error
}

func (c errConn) Do(name string, _ ...any) (any, error) {
	if name == "" {
		return nil, nil // the pool flushes a connection that comes back
	}
	return nil, c.err
}
func (c errConn) Err() error   { return nil }
func (c errConn) Close() error { return nil }

func TestNilAsAnErrorIsANilReply(t *testing.T) {
	pool := redigo.NewPool(dialing(t, func() (redis.Conn, error) { return errConn{err: redis.ErrNil}, nil }))
	reply, err := pool.Eval(within(t, patience), acquire("key", "token"))
	require.NoError(t, err)
	require.Nil(t, reply)
}

// Every connection comes back, whatever became of the call.
func TestConnectionsComeBack(t *testing.T) {
	node := redistest.StartOne(t)
	conns := dialing(t, func() (redis.Conn, error) { return redis.Dial("tcp", node.Addr()) })
	pool, list := redigo.NewPool(conns), redistest.Name(t)
	node.Do(t, "RPUSH", list, "element")
	for range 5 {
		_, err := pool.Eval(within(t, patience), acquire(list, "token"))
		require.ErrorContains(t, err, "WRONGTYPE")
		_, err = pool.Eval(within(t, patience), acquire(redistest.Name(t), "token"))
		require.NoError(t, err)
	}
	require.Equal(t, 1, conns.ActiveCount())
	require.Equal(t, 1, conns.IdleCount())
}

// A connection that is slow to get leaves no time for the command, which then is
// not sent.
func TestNoTimeLeft(t *testing.T) {
	client, server := net.Pipe()
	sent := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(io.Discard, server)
		sent <- n
	}()
	ctx := within(t, 10*time.Millisecond)
	conns := dialing(t, func() (redis.Conn, error) {
		<-ctx.Done()
		return redis.NewConn(client, 0, 0), nil
	})
	_, err := redigo.NewPool(conns).Eval(ctx, acquire("key", "token"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 1, conns.IdleCount(), "nothing is wrong with the connection")
	require.NoError(t, client.Close())
	require.Zero(t, <-sent)
}

// slowConn takes until the end of ctx to send a pipeline.
type slowConn struct {
	timeoutConn
	ctx context.Context
}

func (c slowConn) Flush() error {
	err := c.Conn.Flush()
	<-c.ctx.Done()
	return err
}

// A connection on which replies are due is not used again, even if there was no time to
// read the first of them.
func TestRepliesThatAreDue(t *testing.T) {
	node, key := redistest.StartOne(t), redistest.Name(t)
	node.Do(t, "SCRIPT", "LOAD", scripts.Mutex().Acquire.Source())
	ctx := within(t, time.Second) // enough to connect on a slow machine
	var limit time.Duration
	var dials int
	pool := redigo.NewPool(dialing(t, func() (redis.Conn, error) {
		c, err := redis.Dial("tcp", node.Addr())
		if dials++; dials > 1 {
			return c, err
		}
		return slowConn{timeoutConn{c, &limit}, ctx}, err
	}))
	for _, reply := range pool.(driver.Batcher).EvalBatch(ctx, []*driver.Call{acquire(key, "a"), acquire(key, "b")}) {
		require.Error(t, reply.Err)
		require.False(t, driver.IsReply(reply.Err))
	}
	reply, err := pool.Eval(within(t, patience), acquire(key, "another"))
	require.NoError(t, err)
	require.NotEqualValues(t, 1, reply, "the first of those that were due")
	require.Equal(t, 2, dials)
}

// Connections of every type are left when they lead to a replica.
func TestConnectionsOfOtherTypesAreLeft(t *testing.T) {
	var used int
	for name, wrap := range map[string]func(redis.Conn) redis.Conn{
		"neither": func(c redis.Conn) redis.Conn { return plainConn{c} },
		"context": func(c redis.Conn) redis.Conn { return contextConn{c, &used} },
	} {
		t.Run(name, func(t *testing.T) {
			server := drivertest.StartFakeServer(t, func(r drivertest.Request) string {
				if r.Conn == 1 {
					return "-READONLY You can't write against a read only replica.\r\n"
				}
				return ":1\r\n"
			})
			pool := redigo.NewPool(dialing(t, func() (redis.Conn, error) {
				c, err := redis.Dial("tcp", server.Addr())
				return wrap(c), err
			}))
			_, err := pool.Eval(within(t, patience), acquire("key", "token"))
			require.ErrorContains(t, err, "READONLY")
			_, err = pool.Eval(within(t, patience), acquire("key", "token"))
			require.NoError(t, err)
		})
	}
}
