package goredis

import (
	"context"
	"fmt"
	"net"
	"sync"

	"github.com/holdfast-go/holdfast/driver"
)

// singleDial dials once, and can close what came of it.
type singleDial struct {
	dial func(ctx context.Context, network, addr string) (net.Conn, error)

	mu   sync.Mutex
	used bool     // dialled or closed; guarded by mu
	shut bool     // guarded by mu
	conn net.Conn // nil until the dial has returned; guarded by mu
}

// connect is a dial function for [redis.Options].
func (d *singleDial) connect(ctx context.Context, network, addr string) (net.Conn, error) {
	if !d.use() {
		return nil, errDialedAgain
	}
	conn, err := d.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	if !d.keep(conn) {
		_ = conn.Close() // without the lock, as it is the application's
		return nil, net.ErrClosed
	}
	return conn, nil
}

// keep remembers the connection, unless that is no longer wanted.
func (d *singleDial) keep(conn net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shut {
		return false
	}
	d.conn = conn
	return true
}

// use returns true the first time.
func (d *singleDial) use() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := !d.used && !d.shut
	d.used = true
	return first
}

// close closes the connection, also one that is still to come.
func (d *singleDial) close() {
	d.mu.Lock()
	d.shut = true
	conn := d.conn
	d.mu.Unlock()
	if conn != nil {
		_ = conn.Close()
	}
}

// errDialedAgain is what a client gets that finds its one connection closed.
var errDialedAgain = fmt.Errorf("goredis: %w", driver.ErrNotSent)
