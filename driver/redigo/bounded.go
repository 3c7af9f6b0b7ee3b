package redigo

import (
	"context"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/driver"
)

// EvalBounded implements [driver.Bounded]. It promises to return in time when
// none of the application's code runs that is not given ctx: no test of an idle
// connection, and no Dial. So either the pool has a DialContext, or a connection
// lies ready.
func (p *pool) EvalBounded(ctx context.Context, call *driver.Call) (reply any, ok bool, err error) {
	now := time.Now()
	on, ok, err := p.takeBounded(ctx, now)
	if !ok || err != nil {
		return nil, ok, err
	}
	reply, err = p.evalOn(ctx, now, on, call)
	return reply, true, err
}

// takeBounded is take where that returns in time.
func (p *pool) takeBounded(ctx context.Context, now time.Time) (on redis.Conn, ok bool, err error) {
	switch {
	case p.conns == nil || p.tests():
		return nil, false, nil
	case p.conns.DialContext != nil:
	case p.reserve(now):
		defer p.reserved.Add(-1)
	default:
		return nil, false, nil
	}
	on, err = p.take(ctx)
	return on, true, err
}

// tests reports that the application tests idle connections.
func (p *pool) tests() bool { return p.conns.TestOnBorrow != nil || p.conns.TestOnBorrowContext != nil }

// reserve promises one of the idle connections to this call, unless all are
// promised already or may be too old to be handed out. The caller lowers
// reserved when it has its connection. Only the application itself can come in
// between, and take it: a Dial then runs in the caller's goroutine.
func (p *pool) reserve(now time.Time) bool {
	if p.conns.MaxConnLifetime > 0 || !p.fresh(now) {
		return false
	}
	if int(p.reserved.Add(1)) <= p.conns.IdleCount() {
		return true
	}
	p.reserved.Add(-1)
	return false
}

// fresh reports that the connection that came back last is far from being closed
// for its idleness.
func (p *pool) fresh(now time.Time) bool {
	timeout := p.conns.IdleTimeout
	return timeout <= 0 || now.UnixNano()-p.used.Load() < int64(timeout/2)
}

// returned notes that a connection has come back that was taken at now.
func (p *pool) returned(now time.Time) {
	if p.conns.IdleTimeout > 0 {
		p.used.Store(now.UnixNano())
	}
}
