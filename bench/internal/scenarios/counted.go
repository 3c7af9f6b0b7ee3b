package scenarios

import (
	"context"
	"sync/atomic"

	"github.com/holdfast-go/holdfast/driver"
)

// counted counts the requests that are sent on the connections of a pool's locks: a
// batch is one, although the server reads a large one in two or three goes.
type counted struct {
	driver.Pool
	driver.Dialer
	driver.Subscriber
	sent *atomic.Int64
}

func countSent(pools []driver.Pool) (all []driver.Pool, sent *atomic.Int64) {
	sent = new(atomic.Int64)
	for _, p := range pools {
		all = append(all, counted{p, p.(driver.Dialer), p.(driver.Subscriber), sent})
	}
	return all, sent
}

func (c counted) Dial(ctx context.Context, lane string) (driver.Conn, error) {
	conn, err := c.Dialer.Dial(ctx, lane)
	if err != nil {
		return nil, err
	}
	return countedConn{conn, c.sent}, nil
}

type countedConn struct {
	driver.Conn
	sent *atomic.Int64
}

func (c countedConn) Eval(ctx context.Context, call *driver.Call) (any, error) {
	c.sent.Add(1)
	return c.Conn.Eval(ctx, call)
}

func (c countedConn) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	c.sent.Add(1)
	return c.Conn.EvalBatch(ctx, calls)
}
