package redigo

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/driver"
)

// pingInterval is changed by tests only; 0 is [driver.PingInterval].
var pingInterval atomic.Int64

// errResubscribed is a second confirmation of one SUBSCRIBE. It can come only
// from a connection of the application's own type.
var errResubscribed = errors.New("redigo: a subscription was made anew behind its connection, " +
	"and messages may have been missed")

// Subscribe implements [driver.Subscriber].
//
// It dials past the pool. A connection out of the pool would count against
// MaxActive for as long as a goroutine waits, and the last one would leave none for the
// release that it waits for.
func (p *pool) Subscribe(ctx context.Context, channel string) (driver.Subscription, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	return driver.OpenSubscription(ctx, time.Duration(pingInterval.Load()), func(ctx context.Context) (driver.SubscriptionConn, error) {
		return p.open(ctx, channel)
	})
}

// open subscribes on a new connection, which is closed when ctx ends first.
func (p *pool) open(ctx context.Context, channel string) (driver.SubscriptionConn, error) {
	stays := p.failover.Watch()
	conn, err := p.dial(ctx)
	if err != nil {
		return nil, notOpened(err)
	}
	c := subConn{redis.PubSubConn{Conn: conn}, stays}
	stop := context.AfterFunc(ctx, c.Close)
	err = c.subscribe(channel)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		c.Close()
		return nil, notOpened(err)
	}
	return c, nil
}

// notOpened is classify for an opening, where a nil reply is an error too.
func notOpened(err error) error {
	if errors.Is(err, redis.ErrNil) {
		return err
	}
	return classify(err)
}

// dial makes a connection as the pool does.
func (p *pool) dial(ctx context.Context) (redis.Conn, error) {
	if p.conns.DialContext != nil {
		return p.conns.DialContext(ctx)
	}
	return p.conns.Dial()
}

// subConn is a connection that has one subscription. Only its dialling is the
// application's: redigo reconnects nothing.
type subConn struct {
	conn  redis.PubSubConn
	stays func() error // whether the connection may stay
}

// subscribe returns when the server has confirmed the subscription.
func (c subConn) subscribe(channel string) error {
	if err := c.conn.Subscribe(channel); err != nil {
		return err
	}
	switch got := c.receive().(type) {
	case redis.Subscription:
		return nil
	case error:
		return got
	default:
		return fmt.Errorf("redigo: %T in place of a confirmation", got)
	}
}

// receive waits without a limit, whatever the connection was dialled with.
func (c subConn) receive() any {
	got := c.conn.ReceiveWithTimeout(0)
	if got == errNoTimeouts {
		return fmt.Errorf("redigo: %T has no ReceiveWithTimeout: %w", c.conn.Conn, driver.ErrNoSubscribe)
	}
	return got
}

// Next implements [driver.SubscriptionConn]. An error of the server's own is its answer to a
// PING, which a user may be forbidden to send.
func (c subConn) Next() (payload string, message bool, err error) {
	switch got := c.receive().(type) {
	case redis.Message:
		return string(got.Data), true, nil
	case redis.Subscription:
		return "", false, errResubscribed
	case error:
		if err := classify(got); !driver.IsReply(err) {
			return "", false, err
		}
	}
	return "", false, nil
}

// Ping implements [driver.SubscriptionConn].
func (c subConn) Ping() error {
	if err := c.stays(); err != nil {
		return err
	}
	return c.conn.Ping("")
}

// Close implements [driver.SubscriptionConn].
func (c subConn) Close() { _ = c.conn.Close() }
