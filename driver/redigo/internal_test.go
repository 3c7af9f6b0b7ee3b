package redigo

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/faketime"
	"github.com/holdfast-go/holdfast/scripts"
)

// patient is a deadline that no test reaches.
func patient(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// script is any call.
func script() *driver.Call {
	call := driver.NewCall(scripts.Mutex().Check, []any{"key"}, "token")
	return &call
}

// fakeConn is a connection that answers as a test says.
type fakeConn struct {
	redis.Conn
	do      func(limit time.Duration, name string) (any, error)
	receive func() (any, error)
	closed  bool
}

func (c *fakeConn) Do(string, ...any) (any, error) { return nil, nil } // the pool's, when it comes back
func (c *fakeConn) Err() error                     { return nil }
func (c *fakeConn) Close() error                   { c.closed = true; return nil }
func (c *fakeConn) Send(string, ...any) error      { return nil }
func (c *fakeConn) Flush() error                   { return nil }

func (c *fakeConn) DoWithTimeout(limit time.Duration, name string, _ ...any) (any, error) {
	return c.do(limit, name)
}

func (c *fakeConn) ReceiveWithTimeout(time.Duration) (any, error) { return c.receive() }

// dialling makes a pool of one connection.
func dialling(t testing.TB, conn redis.Conn) *redis.Pool {
	conns := &redis.Pool{MaxIdle: 1, Dial: func() (redis.Conn, error) { return conn, nil }}
	t.Cleanup(func() { _ = conns.Close() })
	return conns
}

// What a server takes to say NOSCRIPT is not there a second time for the source.
func TestTheSourceHasTheTimeThatIsLeft(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		var limits []time.Duration
		pool := NewPool(dialling(t, &fakeConn{do: func(limit time.Duration, name string) (any, error) {
			limits = append(limits, limit)
			if name == "EVAL" {
				return int64(1), nil
			}
			time.Sleep(40 * time.Second) // fake time
			return nil, redis.Error("NOSCRIPT No matching script.")
		}}))
		_, err := pool.Eval(patient(t, time.Minute), script())
		require.NoError(t, err)
		require.Equal(t, []time.Duration{time.Minute, 20 * time.Second}, limits)
	})
}

// An idle connection counts as ready up to half of the time after which the pool closes
// it.
func TestIdleConnectionsGrowTooOld(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		conns := dialling(t, &fakeConn{do: func(time.Duration, string) (any, error) { return int64(1), nil }})
		conns.IdleTimeout = time.Hour
		pool := NewPool(conns)
		for idle, want := range map[time.Duration]bool{29 * time.Minute: true, 31 * time.Minute: false} {
			_, err := pool.Eval(patient(t, time.Minute), script())
			require.NoError(t, err)
			time.Sleep(idle) // fake time
			_, ok, err := pool.(driver.Bounded).EvalBounded(patient(t, time.Minute), script())
			require.NoError(t, err)
			require.Equal(t, want, ok, idle)
		}
	})
}

// A subscription whose ctx ends together with its confirmation is closed, and not
// handed out.
func TestConfirmedTooLate(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		conn := &fakeConn{}
		conn.receive = func() (any, error) {
			cancel()
			synctest.Wait() // what ends with ctx has run
			return []any{[]byte("subscribe"), []byte("channel"), int64(1)}, nil
		}
		p := NewPool(dialling(t, conn)).(*pool)
		_, err := p.open(ctx, "channel")
		require.ErrorIs(t, err, context.Canceled)
		require.True(t, conn.closed)
	})
}
