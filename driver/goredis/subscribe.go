package goredis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
)

// pingInterval is changed by tests only; 0 is [driver.PingInterval].
var pingInterval atomic.Int64

// Subscribe implements [driver.Subscriber].
func (n *node) Subscribe(ctx context.Context, channel string) (driver.Subscription, error) {
	return driver.OpenSubscription(ctx, time.Duration(pingInterval.Load()), func(ctx context.Context) (driver.SubscriptionConn, error) {
		return openOwn(ctx, n.origin, n.failover.Watch(), channel)
	})
}

// Subscribe implements [driver.Subscriber]. PUBLISH reaches every node of a
// Cluster, so any master will do. A slot is drawn for it, so that the next
// attempt does not go to a node that has just failed.
func (c *cluster) Subscribe(ctx context.Context, channel string) (driver.Subscription, error) {
	return driver.OpenSubscription(ctx, time.Duration(pingInterval.Load()), func(ctx context.Context) (driver.SubscriptionConn, error) {
		master, err := c.client.MasterForKey(ctx, strconv.FormatUint(rand.Uint64(), 36))
		if err != nil {
			return nil, classify(err)
		}
		return openOwn(ctx, master, anywhere, channel)
	})
}

// Subscribe implements [driver.Subscriber], with a connection that the client
// makes as it likes.
func (f *foreign) Subscribe(ctx context.Context, channel string) (driver.Subscription, error) {
	return driver.OpenSubscription(ctx, time.Duration(pingInterval.Load()), func(ctx context.Context) (driver.SubscriptionConn, error) {
		return openTheirs(ctx, f.client, f.failover.Watch(), channel)
	})
}

// openOwn subscribes on a connection that is made like those of origin.
//
// Neither origin nor the pool's view of it serves. The former would bound the
// opening by ReadTimeout and MaxRetries, and may move the connection to another
// address when a server announces maintenance. The latter cannot subscribe at
// all (go-redis 9.23). So a client is made for this one connection.
//
// stays reports whether the connection may stay at its server.
func openOwn(ctx context.Context, origin *redis.Client, stays func() error, channel string) (driver.SubscriptionConn, error) {
	owner := ownership(origin, stays)
	if err := owner(); err != nil {
		return nil, err
	}
	single := &singleDial{dial: origin.Options().Dialer}
	client := redis.NewClient(subConnOptions(origin.Options(), single))
	c := &subConn{pubSub: client.Subscribe(ctx), limit: -1, owner: owner}
	c.close = func() {
		single.close() // first, as a PING that hangs keeps PubSub's lock
		_ = c.pubSub.Close()
		_ = client.Close()
	}
	return openSubConn(ctx, c, single.close, func() error { return c.pubSub.Subscribe(ctx, channel) })
}

// subConnOptions are those of a client for one subscription: no timeouts of its
// own, on sockets or otherwise, and one connection. It speaks RESP2 whatever the
// application's client speaks: a message is then a reply like any other, and not a
// push, which go-redis looks for in front of every reply.
func subConnOptions(like *redis.Options, single *singleDial) *redis.Options {
	opts := strangerOptions(like, like.Addr)
	opts.Dialer = single.connect
	opts.Protocol = 2
	opts.ReadTimeout, opts.WriteTimeout = -2, -2
	return opts
}

// openTheirs subscribes with a client of a type that this package does not know.
func openTheirs(ctx context.Context, client redis.UniversalClient, stays func() error, channel string) (driver.SubscriptionConn, error) {
	pubSub := client.Subscribe(ctx, channel)
	if pubSub == nil {
		return nil, fmt.Errorf("goredis: %T.Subscribe returned nil: %w", client, driver.ErrNoSubscribe)
	}
	c := &subConn{
		pubSub: pubSub,
		owner:  stays,
		close:  func() { _ = pubSub.Close() },
	}
	return openSubConn(ctx, c, c.close, func() error { return nil })
}
