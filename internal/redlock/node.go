package redlock

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/holdfast-go/holdfast/driver"
)

// node is one independent Redis, as the engine sees it.
type node struct {
	index   int
	pool    driver.Pool
	addr    string         // for errors; "" if the pool does not know it
	bounded driver.Bounded // pool, if it can promise when a call returns
	batcher driver.Batcher // pool, if it can send many calls at once
	gate    gate
	debts   debts
}

func newNode(index int, pool driver.Pool) *node {
	bounded, _ := pool.(driver.Bounded)
	batcher, _ := pool.(driver.Batcher)
	n := &node{index: index, pool: pool, bounded: bounded, batcher: batcher}
	if located, ok := pool.(driver.Located); ok {
		n.addr = located.Addr()
	}
	return n
}

// ask sends a call and waits for its answer, however long that takes.
func (n *node) ask(ctx context.Context, call *driver.Call) answer {
	reply, err := n.pool.Eval(ctx, call)
	if driver.RefusesKeys(err) {
		return n.askAlone(ctx, call, err)
	}
	return n.read(call, reply, err)
}

// askAlone sends a call again that was refused for its keys, without those of the line.
// It is the same question, and sent within the same time: nothing was run. Where the
// answer is not certain without them, the refusal is.
func (n *node) askAlone(ctx context.Context, call *driver.Call, refusal error) answer {
	alone, ok := call.Alone()
	if !ok {
		return n.refused(refusal)
	}
	reply, err := n.pool.Eval(ctx, &alone)
	if reply == nil && err == nil {
		return n.refused(refusal)
	}
	return n.read(&alone, reply, err)
}

// askBounded is ask if the driver promises to keep the deadline. If it does not,
// ok is false and nothing was sent.
func (n *node) askBounded(ctx context.Context, call *driver.Call) (a answer, ok bool) {
	if n.bounded == nil {
		return answer{}, false
	}
	reply, ok, err := n.bounded.EvalBounded(ctx, call)
	if !ok {
		return answer{}, false
	}
	if driver.RefusesKeys(err) {
		return n.askAlone(ctx, call, err), true
	}
	return n.read(call, reply, err), true
}

// read makes an answer of what came back.
func (n *node) read(call *driver.Call, reply any, err error) answer {
	if err != nil {
		return n.refused(err)
	}
	n.gate.heard()
	n.debts.collect(n)
	if g, ok := readGrant(reply); ok {
		return g.answer()
	}
	a, ok := readVote(reply)
	if !ok {
		return answer{vote: voteUnknown, err: fmt.Errorf("%w to %s: %T %v", errUnexpected, call.Script().Name(), reply, reply)}
	}
	return a
}

// refused reads the error of a call. An error that the server sent means that
// it is up and has changed nothing; a failed dial, that nothing was sent. Any
// other leaves the outcome open: the request may still be in a socket's buffer.
func (n *node) refused(err error) answer {
	if driver.IsReply(err) {
		n.gate.heard()
		return answer{vote: voteError, err: err}
	}
	v := voteUnknown
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		v = voteError
	}
	late := v == voteUnknown
	silent := late && timedOut(err)
	if silent {
		n.gate.silent.Store(true)
	}
	return answer{vote: v, late: late, silent: silent, err: inTime(err)}
}

// error is the error of this node for the caller.
func (n *node) error(err error) *RedisError {
	return &RedisError{Node: n.index, Err: err, addr: n.addr}
}

// explain adds why there was no answer, if the client has found out. It runs the driver's
// code, so no lock may be held.
func (n *node) explain(e *RedisError) {
	client, ok := n.pool.(driver.Diagnoser)
	if !ok || !errors.Is(e.Err, errNoAnswer) {
		return
	}
	trouble := client.Trouble()
	if trouble == nil {
		return
	}
	if e.Err = inTime(trouble); !errors.Is(e.Err, errNoAnswer) {
		e.Err = fmt.Errorf("%w: %w", errNoAnswer, trouble)
	}
}

// inTime makes one error of the many in which clients say that a node did not
// answer in time: a socket's deadline, the context's, a limit of their own.
func inTime(err error) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// The call's own limit, or the client's, must not pass for the caller's.
		return fmt.Errorf("%w: %v", errNoAnswer, err)
	case timedOut(err):
		return fmt.Errorf("%w: %w", errNoAnswer, err)
	default:
		return err
	}
}

func timedOut(err error) bool {
	var timed interface{ Timeout() bool }
	return errors.As(err, &timed) && timed.Timeout()
}
