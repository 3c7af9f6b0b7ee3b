package simnet

import (
	"context"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

// What a way can do as a driver.
const (
	Single = iota // one call at a time
	Batch         // many calls at once
	Dial          // connections of the engine's own
	Kinds         // how many there are
)

// Driver is the way as a driver of a kind.
func Driver(w *Way, kind int) driver.Pool {
	switch kind {
	case Batch:
		return batcher{w}
	case Dial:
		return dialer{w}
	}
	return w
}

// batcher is a way that is a [driver.Batcher].
type batcher struct{ *Way }

func (b batcher) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	return b.send(ctx, calls, nil)
}

// dialer is a way that is a [driver.Dialer].
type dialer struct{ *Way }

// Dial takes some round trips, for as long as a client's own timeout allows: longer than
// a call may take. A node that stands still greets no client.
func (d dialer) Dial(_ context.Context, _ string) (driver.Conn, error) {
	f := d.fate()
	time.Sleep(2 * (f.there + f.back))
	away, life, stopped := d.node.state()
	if stopped != nil && !away {
		select {
		case <-stopped:
		case <-time.After(3 * d.net.Bound):
			away = true
		}
	}
	if away {
		d.net.Meet(Refused)
		return nil, refused()
	}
	return &conn{Way: d.Way, life: life, closed: make(chan struct{})}, nil
}

// conn is one connection. It dies with its node, which it may find out before it
// sends anything, or not.
type conn struct {
	*Way
	life   int
	once   sync.Once
	closed chan struct{}
}

func (c *conn) Eval(ctx context.Context, call *driver.Call) (any, error) {
	r := c.EvalBatch(ctx, []*driver.Call{call})[0]
	return r.Value, r.Err
}

func (c *conn) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	if away, life, _ := c.node.state(); away || life != c.life {
		c.net.Meet(Dead)
		return alike(len(calls), driver.ErrNotSent)
	}
	return c.send(ctx, calls, c.closed)
}

func (c *conn) Bounded() bool { return c.bounded }

func (c *conn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}
