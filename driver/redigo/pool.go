package redigo

import (
	"context"
	"errors"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/driver"
)

// Why a pool cannot be a voter.
var (
	errNoPool = errors.New("redigo: NewPool was given a nil pool")
	errNoDial = errors.New("redigo: the pool has neither Dial nor DialContext")
)

// Source is what [NewPool] needs of a pool: connections, of which each is closed after its
// use. A [redis.Pool] is one. So is a type that wraps one, but locks lose by that: see
// the package's documentation.
type Source interface {
	// GetContext returns a connection to the server. It should not outlast ctx.
	GetContext(ctx context.Context) (redis.Conn, error)
}

// NewPool makes a pool of a redigo pool. It does not fail and sends nothing: a
// nil pool, or one that cannot dial, is reported by the first call that would
// use it, as a misconfiguration.
//
// The redigo pool must stay open as long as this one is used. Calls on a closed
// one fail, and nothing has to be closed on this side.
func NewPool(conns Source) driver.Pool {
	switch conns := conns.(type) {
	case *redis.Pool:
		return &pool{conns: conns}
	default:
		return &wrapped{conns: conns}
	}
}

var (
	_ interface {
		driver.Batcher
		driver.Bounded
		driver.Dialer
		driver.Subscriber
		driver.Validator
		driver.Identified
	} = (*pool)(nil)
	_ interface {
		driver.Batcher
		driver.Validator
		driver.Identified
	} = (*wrapped)(nil)
)

// pool is a pool of redigo's own type.
type pool struct {
	runner
	conns *redis.Pool

	// reserved counts the bounded calls that were promised an idle connection
	// and do not have it yet.
	reserved atomic.Int32

	// used is when a connection that was given back since was taken, as Unix
	// time in ns. The pool hands out the connection that came back last.
	used atomic.Int64

	refusal refusal
}

// Validate implements [driver.Validator].
func (p *pool) Validate() error {
	switch {
	case p.conns == nil:
		return errNoPool
	case p.conns.Dial == nil && p.conns.DialContext == nil:
		return errNoDial
	}
	return nil
}

// Identity implements [driver.Identified]. What address a dial function has is not known.
func (p *pool) Identity() []any { return []any{p.conns} }

// Eval implements [driver.Pool].
func (p *pool) Eval(ctx context.Context, call *driver.Call) (any, error) {
	on, err := p.take(ctx)
	if err != nil {
		return nil, err
	}
	return p.evalOn(ctx, time.Now(), on, call)
}

// evalOn runs call on a connection that was taken just before, at now.
func (p *pool) evalOn(ctx context.Context, now time.Time, on redis.Conn, call *driver.Call) (any, error) {
	reply, err := p.run(ctx, now, on, call)
	if err == nil {
		p.returned(now)
	}
	return reply, err
}

// EvalBatch implements [driver.Batcher].
func (p *pool) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	on, err := p.take(ctx)
	if err != nil {
		return driver.FailBatch(len(calls), err)
	}
	now := time.Now()
	replies := p.runBatch(ctx, on, calls)
	if last := len(replies) - 1; last >= 0 && replies[last].Err == nil {
		p.returned(now)
	}
	return replies
}

// take gets a connection, unless ctx has ended: an idle one would be tested
// first. It does not dial when that was refused a moment ago.
func (p *pool) take(ctx context.Context) (redis.Conn, error) {
	if p.conns == nil {
		return nil, errNoPool
	}
	if err := p.refusal.recent(); err != nil && p.conns.IdleCount() == 0 && ctx.Err() == nil {
		return nil, err
	}
	on, err := take(ctx, p.conns)
	p.refusal.note(err)
	return on, err
}

// wrapped is a pool of another type. Nothing is known of it but that it has connections.
type wrapped struct {
	runner
	conns Source
}

// Validate implements [driver.Validator].
func (w *wrapped) Validate() error {
	v := reflect.ValueOf(w.conns)
	if !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return errNoPool
	}
	return nil
}

// Identity implements [driver.Identified].
func (w *wrapped) Identity() []any {
	if !reflect.ValueOf(w.conns).Comparable() {
		return nil
	}
	return []any{w.conns}
}

// Eval implements [driver.Pool].
func (w *wrapped) Eval(ctx context.Context, call *driver.Call) (any, error) {
	on, err := w.take(ctx)
	if err != nil {
		return nil, err
	}
	return w.run(ctx, time.Now(), on, call)
}

// EvalBatch implements [driver.Batcher].
func (w *wrapped) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	on, err := w.take(ctx)
	if err != nil {
		return driver.FailBatch(len(calls), err)
	}
	return w.runBatch(ctx, on, calls)
}

func (w *wrapped) take(ctx context.Context) (redis.Conn, error) {
	if err := w.Validate(); err != nil {
		return nil, err
	}
	return take(ctx, w.conns)
}

// take gets a connection, unless ctx has ended.
func take(ctx context.Context, from Source) (redis.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	on, err := from.GetContext(ctx)
	if err != nil {
		return nil, notOpened(err)
	}
	return on, nil
}
