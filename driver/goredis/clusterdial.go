package goredis

import (
	"context"

	"github.com/holdfast-go/holdfast/driver"
)

// Lane implements [driver.Laner]: each master has its own. Until the layout is loaded,
// which takes a request, there is one for all.
func (c *cluster) Lane(call *driver.Call) string {
	if !c.loaded.Load() {
		return ""
	}
	home, err := c.master(context.Background(), call)
	if err != nil {
		return ""
	}
	return home.origin.Options().Addr
}

// Dial implements [driver.Dialer]: a connection to one master. A call that the master
// sends elsewhere goes there by the client's own connections.
func (c *cluster) Dial(ctx context.Context, lane string) (driver.Conn, error) {
	home := c.known(lane)
	if home == nil {
		return c.dialAny(ctx)
	}
	return home.dial(ctx, func(ctx context.Context, call *driver.Call, err error) (any, error) {
		return c.chase(ctx, home, call, err)
	})
}

// dialAny loads the layout, and serves what could not be told apart before.
func (c *cluster) dialAny(ctx context.Context) (driver.Conn, error) {
	client, err := c.client.MasterForKey(ctx, "")
	if err != nil {
		return nil, classify(err)
	}
	c.node(client)
	c.loaded.Store(true)
	return anyConn{c}, nil
}

// anyConn stands for the client's own connections.
type anyConn struct{ *cluster }

// Bounded implements [driver.Conn]: the client may have to load the layout first.
func (anyConn) Bounded() bool { return false }

// Close implements [driver.Conn]. There is nothing to close.
func (anyConn) Close() error { return nil }
