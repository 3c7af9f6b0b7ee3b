package goredis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
)

// conn is one connection of the engine's own: a client that dials once.
//
// go-redis makes a connection inside the call that needs it, under that call's ctx, so
// that a server at a great distance is never reached within a short one. Here the call
// begins when the connection is ready.
type conn struct {
	client *redis.Client
	sender sender
	single *singleDial
	// bounded is false where code of the application runs during a call.
	bounded  bool
	chase    chaser
	failover *driver.FailoverDetector
	wrong    bool // the server has said that it is not the one that serves the address
}

// chaser follows a refusal that names another server; nil where there is none.
type chaser func(ctx context.Context, call *driver.Call, err error) (any, error)

// Dial implements [driver.Dialer].
func (n *node) Dial(ctx context.Context, _ string) (driver.Conn, error) { return n.dial(ctx, nil) }

// dial makes a connection like those of the application's client, whose DialTimeout
// bounds all of it.
func (n *node) dial(ctx context.Context, chase chaser) (driver.Conn, error) {
	if err := n.owner(); err != nil {
		return nil, err
	}
	theirs := n.origin.Options()
	single := &singleDial{dial: theirs.Dialer}
	client := redis.NewClient(connOptions(theirs, single))
	c := &conn{
		client: client, sender: withHooks(n.origin, client), single: single,
		bounded: bounded(client.Options()), chase: chase, failover: &n.failover,
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout(theirs))
	defer cancel()
	if err := c.greet(ctx, theirs); err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}

// greet makes the connection ready, by a HELLO, which no user can be forbidden. What the
// server answers to that does not matter, as it may not know it; a refusal of the login
// looks the same, but leaves no connection for a second one.
func (c *conn) greet(ctx context.Context, like *redis.Options) error {
	err := c.hello(ctx, like)
	if driver.IsReply(err) && !errors.Is(c.client.Do(ctx, "hello").Err(), driver.ErrNotSent) {
		return nil
	}
	return err
}

// hello sends a HELLO, and with it the name of the library, for which go-redis would take
// another round trip. A server that does not know that command connects even so.
func (c *conn) hello(ctx context.Context, like *redis.Options) error {
	if !introduces(like) {
		return classify(c.client.Do(ctx, "hello").Err())
	}
	conn := c.client.Conn() // see detour.pipeline
	defer conn.Close()
	pipe := conn.Pipeline()
	pipe.ClientSetInfo(ctx, redis.WithLibraryName(like.IdentitySuffix))
	pipe.ClientSetInfo(ctx, redis.WithLibraryVersion(redis.Version()))
	hello := pipe.Do(ctx, "hello")
	_, failed := pipe.Exec(ctx)
	return outcome(hello, failed).Err
}

// introduces reports that the library's name is sent by hello, and not by go-redis.
func introduces(opts *redis.Options) bool {
	//lint:ignore SA1019 applications may still use it
	return !opts.DisableIdentity && !opts.DisableIndentity && opts.StreamingCredentialsProvider == nil
}

// dialTimeout is the client's own, or go-redis's default where that is none.
func dialTimeout(opts *redis.Options) time.Duration {
	if opts.DialTimeout > 0 {
		return opts.DialTimeout
	}
	return 5 * time.Second
}

// connOptions are those of a client for one connection, which is made before the first
// call: what runs in the application's code then does not run in a call.
func connOptions(like *redis.Options, single *singleDial) *redis.Options {
	opts := strangerOptions(like, like.Addr)
	opts.Dialer = single.connect
	opts.DialerRetries = 1
	opts.DisableIdentity = opts.DisableIdentity || introduces(like)
	// As in bind: negative means that no deadline is set at all.
	if like.ReadTimeout < 0 {
		opts.ReadTimeout = -2
	}
	if like.WriteTimeout < 0 {
		opts.WriteTimeout = -2
	}
	return opts
}

// Eval implements [driver.Conn].
func (c *conn) Eval(ctx context.Context, call *driver.Call) (any, error) {
	if c.wrong {
		return nil, errWrong
	}
	reply, err := eval(ctx, c.sender, call)
	if err != nil {
		c.wrong = c.failover.Observe(err)
		reply, err = c.follow(ctx, call, err)
	}
	return reply, err
}

// EvalBatch implements [driver.Conn].
func (c *conn) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	if c.wrong {
		return driver.FailBatch(len(calls), errWrong)
	}
	replies := evalBatch(ctx, c.sender, calls)
	c.wrong = c.failover.ObserveBatch(replies)
	for i, reply := range replies {
		if reply.Err != nil {
			replies[i].Value, replies[i].Err = c.follow(ctx, calls[i], reply.Err)
		}
	}
	return replies
}

// follow runs a refused call elsewhere, if the refusal says where.
func (c *conn) follow(ctx context.Context, call *driver.Call, err error) (any, error) {
	if c.chase == nil {
		return nil, err
	}
	return c.chase(ctx, call, err)
}

// Bounded implements [driver.Conn].
func (c *conn) Bounded() bool { return c.bounded && c.chase == nil }

// Close implements [driver.Conn]. The socket goes first, so that a call which uses it
// ends. The client then finds it closed, or has closed it itself.
func (c *conn) Close() error {
	c.single.close()
	if err := c.client.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// errWrong is a connection that leads to another server than a new one would.
var errWrong = fmt.Errorf("goredis: %w", driver.ErrNotSent)
