package redigo

import (
	"context"
	"errors"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/driver"
)

// runner runs calls on connections that were taken, and gives them back.
type runner struct{ failover driver.FailoverDetector }

// run runs call on a connection that was taken just before, at now.
func (r *runner) run(ctx context.Context, now time.Time, on redis.Conn, call *driver.Call) (any, error) {
	defer on.Close()
	reply, err := eval(ctx, now, on, call)
	if err != nil && r.failover.Observe(err) {
		abandon(on)
	}
	return reply, err
}

// runBatch is run for a batch.
func (r *runner) runBatch(ctx context.Context, on redis.Conn, calls []*driver.Call) []driver.Reply {
	defer on.Close()
	replies := evalBatch(ctx, on, calls)
	if r.failover.ObserveBatch(replies) {
		abandon(on)
	}
	return replies
}

// abandon makes a connection unusable, so that the pool closes it when it comes back:
// a read that has no time left breaks it. Only one of a type that knows neither timeouts
// nor contexts has to ask the server to hang up, and fails the next call that gets it.
func abandon(on redis.Conn) {
	if _, err := redis.ReceiveWithTimeout(on, time.Nanosecond); err != errNoReceiveTimeouts {
		return
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := redis.ReceiveContext(on, ended); err == errNoReceiveContexts {
		_, _ = on.Do("QUIT")
	}
}

// eval runs call, a script by its digest, and by its source if the server has forgotten
// it. NOSCRIPT means that nothing was run, so this is no retry.
func eval(ctx context.Context, now time.Time, on redis.Conn, call *driver.Call) (any, error) {
	reply, err := do(ctx, now, on, call.Command())
	if err != nil && call.LacksScript(err) {
		reply, err = do(driver.ResendContext(ctx), time.Now(), on, call.SourceCommand())
	}
	return reply, err
}

// do sends one command and waits for its reply until the deadline of ctx.
// redigo's DoContext would do, but starts a goroutine for it.
func do(ctx context.Context, now time.Time, on redis.Conn, words []any) (any, error) {
	left, err := timeLeft(ctx, now)
	if err != nil {
		return nil, err
	}
	reply, err := redis.DoWithTimeout(on, left, name(words), words[1:]...)
	if err == errNoTimeouts {
		reply, err = doWithout(ctx, on, words)
	}
	return outcome(reply, err)
}

// doWithout is do for a connection that knows no timeouts. Nothing has been sent
// when the connection says that it lacks an ability.
func doWithout(ctx context.Context, on redis.Conn, words []any) (any, error) {
	reply, err := redis.DoContext(on, ctx, name(words), words[1:]...)
	if err == errNoContexts {
		return on.Do(name(words), words[1:]...)
	}
	return reply, err
}

// What redigo returns for a connection that lacks an ability. It does not export
// these, and a pool's connection always has the methods, even if the one inside
// has not; a nil connection has none.
var (
	_, errNoTimeouts        = redis.DoWithTimeout(nil, 0, "")
	_, errNoContexts        = redis.DoContext(nil, context.Background(), "")
	_, errNoReceiveTimeouts = redis.ReceiveWithTimeout(nil, 0)
	_, errNoReceiveContexts = redis.ReceiveContext(nil, context.Background())
)

// name is the name of a command as redigo takes it. A script's is in upper case, as redigo
// looks commands up so, and would convert any other on every call.
func name(words []any) string {
	switch name := words[0].(string); name {
	case "evalsha":
		return "EVALSHA"
	case "eval":
		return "EVAL"
	default:
		return name
	}
}

// timeLeft is the time from now until the deadline of ctx, always above zero.
// redigo would take zero for no limit.
func timeLeft(ctx context.Context, now time.Time) (time.Duration, error) {
	deadline, _ := ctx.Deadline()
	if left := deadline.Sub(now); left > 0 {
		return left, nil
	}
	return 0, context.DeadlineExceeded
}

// outcome sorts what came back.
func outcome(reply any, err error) (any, error) {
	if err != nil {
		return nil, classify(err)
	}
	return plain(reply), nil
}

// classify separates the server's answers from all that may go wrong on the
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
