package redigo_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/drivertest"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

func TestSubscriber(t *testing.T) { drivertest.RunSubscriber(t, open, redigo.SetPingInterval) }

// subscriber makes a pool's subscriber.
func subscriber(conns *redis.Pool) driver.Subscriber {
	return redigo.NewPool(conns).(driver.Subscriber)
}

// The redigo pool has nothing to do with a subscription but for its dial
// function.
func TestSubscriptionIsOutsideThePool(t *testing.T) {
	node, channel := redistest.StartOne(t), redistest.Name(t)
	conns := &redis.Pool{
		MaxActive: 1, Wait: true,
		Dial:            func() (redis.Conn, error) { return redis.Dial("tcp", node.Addr()) },
		MaxConnLifetime: time.Nanosecond,
		TestOnBorrow:    func(redis.Conn, time.Time) error { return context.Canceled },
	}
	t.Cleanup(func() { _ = conns.Close() })
	only := conns.Get()
	defer only.Close()
	sub, err := subscriber(conns).Subscribe(within(t, patience), channel)
	require.NoError(t, err)
	require.Equal(t, 1, conns.ActiveCount())
	_, err = only.Do("PUBLISH", channel, "payload")
	require.NoError(t, err)
	got, err := sub.Receive()
	require.NoError(t, err)
	require.Equal(t, "payload", got)
	require.NoError(t, sub.Close())
	require.Equal(t, 1, conns.ActiveCount())
	require.Zero(t, conns.IdleCount())
}

func TestSubscribeWithoutAPool(t *testing.T) {
	for name, conns := range map[string]*redis.Pool{"nil": nil, "no dial": {}} {
		t.Run(name, func(t *testing.T) {
			pool := redigo.NewPool(conns)
			_, err := pool.(driver.Subscriber).Subscribe(within(t, patience), "channel")
			require.Equal(t, pool.(driver.Validator).Validate(), err)
		})
	}
}

// tracked is a connection that says when it was closed.
type tracked struct {
	redis.Conn
	closed *atomic.Bool
}

func (c tracked) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// Without control over timeouts, an idle subscription would end with the read
// timeout of the connection. There is none then.
func TestConnectionWithoutTimeouts(t *testing.T) {
	node := redistest.StartOne(t)
	inner := &redis.Pool{Dial: func() (redis.Conn, error) {
		c, err := redis.Dial("tcp", node.Addr())
		return plainConn{c}, err
	}}
	t.Cleanup(func() { _ = inner.Close() })
	for name, dial := range map[string]func() (redis.Conn, error){
		"plain":                 inner.Dial,
		"plain, seen by a pool": func() (redis.Conn, error) { return inner.Get(), nil },
	} {
		t.Run(name, func(t *testing.T) {
			var closed atomic.Bool
			conns := dialing(t, func() (redis.Conn, error) {
				c, err := dial()
				if name == "plain" {
					c = tracked{c, &closed}
				}
				return c, err
			})
			_, err := subscriber(conns).Subscribe(within(t, patience), redistest.Name(t))
			require.ErrorIs(t, err, driver.ErrNoSubscribe)
			require.False(t, driver.IsReply(err))
			require.Equal(t, name == "plain", closed.Load())
		})
	}
}

// What the server answers to the application's dial function is an answer here
// too.
func TestAnswerToDialForSubscribe(t *testing.T) {
	refused := redis.Error("WRONGPASS invalid username-password pair or user is disabled.")
	for name, err := range map[string]error{"as it is": refused, "wrapped": fmt.Errorf("dial: %w", refused)} {
		t.Run(name, func(t *testing.T) {
			conns := dialing(t, func() (redis.Conn, error) { return nil, err })
			_, got := subscriber(conns).Subscribe(within(t, patience), "channel")
			require.True(t, driver.IsReply(got))
			require.ErrorIs(t, got, err)
		})
	}
}

// A Dial that knows no ctx goes on without the caller, and what comes of it is
// closed.
func TestSubscribeWithASlowDial(t *testing.T) {
	node := redistest.StartOne(t)
	release := make(chan struct{})
	var closed atomic.Bool
	conns := dialing(t, func() (redis.Conn, error) {
		<-release
		c, err := redis.Dial("tcp", node.Addr())
		return tracked{c, &closed}, err
	})
	_, err := subscriber(conns).Subscribe(within(t, 20*time.Millisecond), "channel")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.False(t, closed.Load())
	close(release)
	require.Eventually(t, closed.Load, patience, time.Millisecond)
}

// redigo does not report whether a pool was closed, and what is outside of it does
// not end with it.
func TestSubscriptionOutlivesThePool(t *testing.T) {
	node, channel := redistest.StartOne(t), redistest.Name(t)
	conns := dialing(t, func() (redis.Conn, error) { return redis.Dial("tcp", node.Addr()) })
	sub, err := subscriber(conns).Subscribe(within(t, patience), channel)
	require.NoError(t, err)
	require.NoError(t, conns.Close())
	node.Do(t, "PUBLISH", channel, "payload")
	got, err := sub.Receive()
	require.NoError(t, err)
	require.Equal(t, "payload", got)
	require.NoError(t, sub.Close())
}
