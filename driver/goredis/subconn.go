package goredis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
)

// errResubscribed is a second confirmation of one SUBSCRIBE.
var errResubscribed = errors.New("goredis: the client has made a new connection for a subscription, " +
	"and messages may have been missed")

// subConn is a [redis.PubSub] that is not allowed to reconnect.
//
// A PubSub dials anew by itself within the very call that finds its connection
// broken, whether that is a read or a PING, and subscribes there again. What was
// published in between is lost without a trace.
type subConn struct {
	pubSub *redis.PubSub
	// limit is the read timeout: 0 takes away what deadline the socket has, -1
	// leaves the socket alone.
	limit time.Duration
	// owner is asked before each PING whether the connection may stay.
	owner func() error
	close func()
}

// Next implements [driver.SubscriptionConn].
func (c *subConn) Next() (payload string, message bool, err error) {
	switch got, err := c.pubSub.ReceiveTimeout(ended, c.limit); got := got.(type) {
	case *redis.Message:
		return got.Payload, true, nil
	case *redis.Subscription:
		return "", false, errResubscribed
	case nil:
		return "", false, unlessAnswer(err)
	default: // a Pong
		return "", false, nil
	}
}

// unlessAnswer returns an error of the connection. The server's own ones are
// answers to PING, which a user may be forbidden to send.
func unlessAnswer(err error) error {
	if err = classify(err); driver.IsReply(err) {
		return nil
	}
	return err
}

// Ping implements [driver.SubscriptionConn].
func (c *subConn) Ping() error {
	if err := c.owner(); err != nil {
		return err
	}
	return c.pubSub.Ping(ended)
}

// Close implements [driver.SubscriptionConn].
func (c *subConn) Close() { c.close() }

// confirm waits for the server's confirmation of the subscription.
func (c *subConn) confirm(ctx context.Context) error {
	got, err := c.pubSub.ReceiveTimeout(ctx, c.limit)
	if _, ok := got.(*redis.Subscription); ok || err != nil {
		return err
	}
	return fmt.Errorf("goredis: %T in place of a confirmation", got)
}

// openSubConn confirms a subscription that cut ends when ctx ends. On error its connection
// is closed.
func openSubConn(ctx context.Context, c *subConn, cut func(), subscribe func() error) (driver.SubscriptionConn, error) {
	stop := context.AfterFunc(ctx, cut)
	err := subscribe()
	if err == nil {
		err = c.confirm(ctx)
	}
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		return c, nil
	}
	c.Close()
	return nil, notOpened(err)
}

// notOpened is classify for an opening, where a nil reply is an error too.
func notOpened(err error) error {
	if errors.Is(err, redis.Nil) {
		return err
	}
	return classify(err)
}
