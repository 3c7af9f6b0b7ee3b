package redigo

import (
	"context"
	"errors"
	"strings"
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

// NewPool makes a pool of a redigo pool. It does not fail and sends nothing: a
// nil pool, or one that cannot dial, is reported by the first call that would
// use it, as a misconfiguration.
//
// The redigo pool must stay open as long as this one is used. Calls on a closed
// one fail, and nothing has to be closed on this side.
func NewPool(conns *redis.Pool) driver.Pool { return &pool{conns: conns} }

var _ interface {
	driver.Batcher
	driver.Bounded
	driver.Dialer
	driver.Subscriber
	driver.Validator
	driver.Identified
} = (*pool)(nil)

type pool struct {
	conns *redis.Pool

	// reserved counts the bounded calls that were promised an idle connection
	// and do not have it yet.
	reserved atomic.Int32

	// used is when a connection that was given back since was taken, as Unix
	// time in ns. The pool hands out the connection that came back last.
	used atomic.Int64

	refusal  refusal
	failover driver.FailoverDetector
}

// Validate implements [driver.Validator].
func (p *pool) Validate() error {
	switch {
	case p.conns == nil:
		return errNoPool
	case p.conns.Dial == nil && p.conns.DialContext == nil:
		return errNoDial
	default:
		return nil
	}
}

// Identity implements [driver.Identified]. What address a dial function has is not known.
func (p *pool) Identity() []any { return []any{p.conns} }

// Eval implements [driver.Pool].
func (p *pool) Eval(ctx context.Context, call *driver.Call) (any, error) {
	if p.conns == nil {
		return nil, errNoPool
	}
	conn, err := p.take(ctx)
	if err != nil {
		return nil, classify(err)
	}
	return p.run(ctx, time.Now(), conn, call)
}

// EvalBounded implements [driver.Bounded]. It promises to return in time when
// none of the application's code runs that is not given ctx: no test of an idle
// connection, and no Dial. So either the pool has a DialContext, or a connection
// lies ready.
func (p *pool) EvalBounded(ctx context.Context, call *driver.Call) (reply any, ok bool, err error) {
	if p.conns == nil || p.conns.TestOnBorrow != nil || p.conns.TestOnBorrowContext != nil {
		return nil, false, nil
	}
	now := time.Now()
	needsReady := p.conns.DialContext == nil
	if needsReady && !p.reserve(now) {
		return nil, false, nil
	}
	conn, err := p.take(ctx)
	if needsReady {
		p.reserved.Add(-1)
	}
	if err != nil {
		return nil, true, classify(err)
	}
	reply, err = p.run(ctx, now, conn, call)
	return reply, true, err
}

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

// take gets a connection, unless ctx has ended: an idle one would be tested
// first. It does not dial when that was refused a moment ago.
func (p *pool) take(ctx context.Context) (redis.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := p.refusal.recent(); err != nil && p.conns.IdleCount() == 0 {
		return nil, err
	}
	conn, err := p.conns.GetContext(ctx)
	p.refusal.note(err)
	return conn, err
}

// run runs call on a connection that was taken just before, at now, and gives it
// back.
func (p *pool) run(ctx context.Context, now time.Time, conn redis.Conn, call *driver.Call) (any, error) {
	defer conn.Close()
	reply, err := eval(ctx, now, conn, call)
	if err != nil {
		err = classify(err)
		if p.failover.Observe(err) {
			abandon(conn)
		}
		return nil, err
	}
	if p.conns.IdleTimeout > 0 {
		p.used.Store(now.UnixNano())
	}
	return plain(reply), nil
}

// eval runs call, a script by its digest, and by its source if the server has forgotten
// it. NOSCRIPT means that nothing was run, so this is no retry.
func eval(ctx context.Context, now time.Time, conn redis.Conn, call *driver.Call) (any, error) {
	name, args := command(call)
	reply, err := do(ctx, now, conn, name, args)
	if err != nil && lacksScript(call, err) {
		reply, err = do(driver.ResendContext(ctx), time.Now(), conn, "EVAL", call.SourceCommand()[1:])
	}
	return reply, err
}

// command is the call's command as redigo takes it. A script's is in upper case, as redigo
// looks commands up so, and would convert any other on every call.
func command(call *driver.Call) (name string, args []any) {
	if call.Script() == nil {
		return call.Name(), call.Command()[1:]
	}
	return "EVALSHA", call.Command()[1:]
}

// do sends one command and waits for its reply until the deadline of ctx.
// redigo's DoContext would do, but starts a goroutine for it.
func do(ctx context.Context, now time.Time, conn redis.Conn, name string, args []any) (any, error) {
	left, err := timeLeft(ctx, now)
	if err != nil {
		return nil, err
	}
	reply, err := redis.DoWithTimeout(conn, left, name, args...)
	if err == errNoTimeouts {
		return doWithout(ctx, conn, name, args)
	}
	return reply, err
}

// doWithout is do for a connection that knows no timeouts. Nothing has been sent
// when the connection says that it lacks an ability.
func doWithout(ctx context.Context, conn redis.Conn, name string, args []any) (any, error) {
	reply, err := redis.DoContext(conn, ctx, name, args...)
	if err == errNoContexts {
		return conn.Do(name, args...)
	}
	return reply, err
}

// What redigo returns for a connection that lacks an ability. It does not export
// these, and a pool's connection always has the methods, even if the one inside
// has not; a nil connection has none.
var (
	_, errNoTimeouts = redis.DoWithTimeout(nil, 0, "")
	_, errNoContexts = redis.DoContext(nil, context.Background(), "")
)

// timeLeft is the time from now until the deadline of ctx, always above zero.
// redigo would take zero for no limit.
func timeLeft(ctx context.Context, now time.Time) (time.Duration, error) {
	deadline, _ := ctx.Deadline()
	if left := deadline.Sub(now); left > 0 {
		return left, nil
	}
	return 0, context.DeadlineExceeded
}

// abandon makes a connection unusable, so that the pool closes it when it comes back:
// a read that has no time left breaks it. Only one of a type that knows neither timeouts
// nor contexts has to ask the server to hang up, and fails the next call that gets it.
func abandon(conn redis.Conn) {
	if _, err := redis.ReceiveWithTimeout(conn, time.Nanosecond); err != errNoReceiveTimeouts {
		return
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := redis.ReceiveContext(conn, ended); err == errNoReceiveContexts {
		_, _ = conn.Do("QUIT")
	}
}

// lacksScript reports whether the server has answered that it lacks the call's script.
// Some servers and proxies (kvrocks) put ERR before it.
func lacksScript(call *driver.Call, err error) bool {
	var answer redis.Error
	return call.Script() != nil && errors.As(err, &answer) && strings.HasPrefix(strings.TrimPrefix(string(answer), "ERR "), "NOSCRIPT")
}

// classify tells the server's answers from everything that may go wrong on the
// way: the former become a [driver.ReplyError], the latter stay what they are.
// That includes what the server answered to a dial function. A nil reply, which
// a connection of the application's own type may make an error, is none.
func classify(err error) error {
	var answer redis.Error
	switch {
	case errors.Is(err, redis.ErrNil):
		return nil
	case errors.As(err, &answer):
		return &driver.ReplyError{Err: err}
	default:
		return err
	}
}

// plain makes strings of bulk replies, at any depth.
func plain(reply any) any {
	switch reply := reply.(type) {
	case []byte:
		return string(reply)
	case []any:
		for i := range reply {
			reply[i] = plain(reply[i])
		}
	}
	return reply
}
