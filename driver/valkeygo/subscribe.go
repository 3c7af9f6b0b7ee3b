package valkeygo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/holdfast-go/holdfast/driver"
)

// pingInterval is changed by tests only; 0 is [driver.PingInterval].
var pingInterval atomic.Int64

var (
	errRESP2 = fmt.Errorf("valkeygo: a subscription in RESP2 has a second connection, which cannot be pinged: %w",
		driver.ErrNoSubscribe)
	errNotConfirmed = errors.New("valkeygo: something else in place of the confirmation of a subscription")
	errEnded        = errors.New("valkeygo: the connection of a subscription has ended")
)

// Subscribe implements [driver.Subscriber]. PUBLISH reaches every node of a Cluster, so
// any will do.
func (p *pool) Subscribe(ctx context.Context, channel string) (driver.Subscription, error) {
	return p.subscribe(ctx, channel, func() error { return nil })
}

// Subscribe implements [driver.Subscriber].
func (s *single) Subscribe(ctx context.Context, channel string) (driver.Subscription, error) {
	return s.subscribe(ctx, channel, s.failover.Watch())
}

// subscribe subscribes on a connection of its own. stays reports whether it may stay at its
// server.
func (p *pool) subscribe(ctx context.Context, channel string, stays func() error) (driver.Subscription, error) {
	if p.client == nil {
		return nil, errNoClient
	}
	return driver.OpenSubscription(ctx, time.Duration(pingInterval.Load()), func(ctx context.Context) (driver.SubscriptionConn, error) {
		c, err := open(undated{ctx}, p.client, channel)
		if err != nil {
			return nil, err
		}
		c.stays = stays
		return c, nil
	})
}

// undated is a ctx without its deadline. The client heeds the end of one only where it has
// no deadline to give to the socket.
type undated struct{ context.Context }

func (undated) Deadline() (time.Time, bool) { return time.Time{}, false }

// open subscribes on a new connection.
func open(ctx context.Context, client valkey.Client, channel string) (*subConn, error) {
	made, err := dedicate(ctx, client)
	if err != nil {
		return nil, err
	}
	resp3, err := made.greet(ctx)
	if err != nil {
		return nil, err
	}
	if !resp3 {
		made.release()
		return nil, errRESP2
	}
	c := newSubConn(made)
	if err := c.confirm(ctx, channel); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// subConn is a connection that has one subscription. The client does not make a dedicated
// connection anew.
type subConn struct {
	dedicated
	stays     func() error
	confirmed bool         // written by the client's reader before it returns SUBSCRIBE's answer
	events    chan event   // what Next returns: the client's reader waits for it, and so does the server
	ended     <-chan error // the client's: its reader has ended

	open  context.Context // ended by Close
	close func()
	pings chan struct{} // of those without an answer
}

// event is what happened on the connection: a message, an answer to a PING, or its end.
type event struct {
	payload string
	message bool
	err     error
}

// maxPings limits the PINGs that wait for an answer. Where Receive is not called the answers
// wait behind messages, and one more shows nothing.
const maxPings = 4

func newSubConn(on dedicated) *subConn {
	c := &subConn{dedicated: on, events: make(chan event), pings: make(chan struct{}, maxPings)}
	c.open, c.close = context.WithCancel(context.Background())
	c.ended = on.SetPubSubHooks(valkey.PubSubHooks{
		OnMessage:      func(m valkey.PubSubMessage) { c.happened(event{payload: m.Message, message: true}) },
		OnSubscription: func(valkey.PubSubSubscription) { c.confirmed = true },
	})
	return c
}

// confirm returns when the server has confirmed the subscription.
func (c *subConn) confirm(ctx context.Context, channel string) error {
	err := c.Do(ctx, c.B().Subscribe().Channel(channel).Build()).Error()
	if err != nil && !valkey.IsValkeyNil(err) {
		return classify(err)
	}
	if !c.confirmed {
		return errNotConfirmed
	}
	return nil
}

// happened hands an event to Next.
func (c *subConn) happened(e event) {
	select {
	case c.events <- e:
	case <-c.open.Done():
	}
}

// Next implements [driver.SubscriptionConn].
func (c *subConn) Next() (payload string, message bool, err error) {
	select {
	case e := <-c.events:
		return e.payload, e.message, e.err
	case err := <-c.ended:
		if err == nil {
			err = errEnded
		}
		return "", false, err
	case <-c.open.Done():
		return "", false, net.ErrClosed
	}
}

// Ping implements [driver.SubscriptionConn]. A refusal is an answer, too.
func (c *subConn) Ping() error {
	if err := c.stays(); err != nil {
		return err
	}
	select {
	case c.pings <- struct{}{}:
		go c.ping() // until the answer, or Close
	default:
	}
	return nil
}

func (c *subConn) ping() {
	err := c.Do(c.open, c.B().Ping().Build()).NonValkeyError()
	<-c.pings
	c.happened(event{err: err})
}

// Close implements [driver.SubscriptionConn]. A server that is silent makes it last a second.
func (c *subConn) Close() {
	c.close()
	c.dedicated.Close()
}
