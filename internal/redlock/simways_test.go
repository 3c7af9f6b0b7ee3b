package redlock

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

// What the drivers of a simulation can do.
const (
	waySingle = iota // one call at a time
	wayBatch         // many calls at once
	wayDial          // connections of the engine's own
	simWays          // how many there are
)

// driver is the pool as one that can do so much.
func (p *simPool) driver(way int) driver.Pool {
	switch way {
	case wayBatch:
		return simBatcher{p}
	case wayDial:
		return simDialer{p}
	}
	return p
}

// simBatcher is a pool that is a [driver.Batcher].
type simBatcher struct{ *simPool }

func (b simBatcher) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	return b.send(ctx, calls, nil)
}

// simDialer is a pool that is a [driver.Dialer].
type simDialer struct{ *simPool }

// Dial takes some round trips, for as long as a client's own timeout allows: longer than
// a call may take. A node that stands still greets nobody.
func (d simDialer) Dial(ctx context.Context, _ string) (driver.Conn, error) {
	fate := d.fate()
	time.Sleep(2 * (fate.there + fate.back))
	away, life, stopped := d.node.state()
	if stopped != nil && !away {
		select {
		case <-stopped:
		case <-time.After(3 * d.sim.bound):
			away = true
		}
	}
	if away {
		d.sim.meet(faultRefused)
		return nil, &net.OpError{Op: "dial", Err: errSimBroken}
	}
	return &simConn{simPool: d.simPool, life: life, closed: make(chan struct{})}, nil
}

// simConn is one connection. It dies with its node, which it may find out before it
// sends anything, or not.
type simConn struct {
	*simPool
	life   int
	once   sync.Once
	closed chan struct{}
}

func (c *simConn) Eval(ctx context.Context, call *driver.Call) (any, error) {
	r := c.EvalBatch(ctx, []*driver.Call{call})[0]
	return r.Value, r.Err
}

func (c *simConn) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	if away, life, _ := c.node.state(); away || life != c.life {
		c.sim.meet(faultDead)
		return alike(len(calls), driver.ErrNotSent)
	}
	return c.send(ctx, calls, c.closed)
}

func (c *simConn) Bounded() bool { return c.bound }

func (c *simConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}
