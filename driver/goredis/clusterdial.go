package goredis

import (
	"context"
	"net"

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

// dialAny loads the layout, and serves what could not be distinguished before. The
// client tries again and again to reach a node, and says why it has not only when it gives
// up. So it is asked only if any of them accepts a connection.
func (c *cluster) dialAny(ctx context.Context) (driver.Conn, error) {
	if err := c.reach(ctx); err != nil {
		return nil, err
	}
	client, err := c.client.MasterForKey(ctx, "")
	if err != nil {
		return nil, classify(err)
	}
	c.node(client)
	c.loaded.Store(true)
	return anyConn{c}, nil
}

// reach looks for an address that accepts connections, among those that the client
// begins with.
func (c *cluster) reach(ctx context.Context) (err error) {
	opts := c.client.Options()
	ctx, cancel := context.WithTimeout(ctx, opts.DialTimeout)
	defer cancel()
	dial := opts.Dialer
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	for _, addr := range opts.Addrs {
		var conn net.Conn
		if conn, err = dial(ctx, "tcp", addr); err == nil {
			return conn.Close()
		}
	}
	return err
}

// anyConn stands for the client's own connections.
type anyConn struct{ *cluster }

// Bounded implements [driver.Conn]: the client may have to load the layout first.
func (anyConn) Bounded() bool { return false }

// Close implements [driver.Conn]. There is nothing to close.
func (anyConn) Close() error { return nil }
