package redigo

import (
	"context"
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/driver"
)

// conn is one connection of the engine's own, made by the pool's dial function. It does
// not count against MaxActive.
type conn struct {
	redis.Conn
	pool *pool
	made time.Time
	used time.Time

	wrong bool // the server has said that it is not the one that serves the address
}

// Dial implements [driver.Dialer]. How long it may take is a matter of the pool's dial
// function.
func (p *pool) Dial(ctx context.Context, _ string) (driver.Conn, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	made, err := p.dial(ctx)
	if err != nil {
		return nil, classify(err)
	}
	now := time.Now()
	return &conn{Conn: made, pool: p, made: now, used: now}, nil
}

// errStale is a connection that the pool itself would not use again.
var errStale = fmt.Errorf("redigo: %w", driver.ErrNotSent)

// fresh reports that the pool would still use a connection like this one.
func (c *conn) fresh(ctx context.Context, now time.Time) bool {
	pool := c.pool.conns
	switch {
	case c.wrong || c.Conn.Err() != nil,
		pool.IdleTimeout > 0 && now.Sub(c.used) >= pool.IdleTimeout,
		pool.MaxConnLifetime > 0 && now.Sub(c.made) >= pool.MaxConnLifetime:
		return false
	case pool.TestOnBorrowContext != nil:
		return pool.TestOnBorrowContext(ctx, c.Conn, c.used) == nil
	case pool.TestOnBorrow != nil:
		return pool.TestOnBorrow(c.Conn, c.used) == nil
	}
	return true
}

// Eval implements [driver.Conn].
func (c *conn) Eval(ctx context.Context, call *driver.Call) (any, error) {
	now := time.Now()
	if !c.fresh(ctx, now) {
		return nil, errStale
	}
	c.used = now
	reply, err := eval(ctx, now, c.Conn, call)
	c.wrong = err != nil && c.pool.failover.Observe(err)
	return reply, err
}

// EvalBatch implements [driver.Conn].
func (c *conn) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	now := time.Now()
	if !c.fresh(ctx, now) {
		return driver.FailBatch(len(calls), errStale)
	}
	c.used = now
	replies := evalBatch(ctx, c.Conn, calls)
	c.wrong = c.pool.failover.ObserveBatch(replies)
	return replies
}

// Bounded implements [driver.Conn]: no test of the application's runs, and the
// connection knows timeouts.
func (c *conn) Bounded() bool {
	_, timed := c.Conn.(redis.ConnWithTimeout)
	return timed && !c.pool.tests()
}
