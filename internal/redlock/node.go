package redlock

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
)

// node is one independent Redis, as the engine sees it.
type node struct {
	index int
	addr  string // for errors; "" if the pool does not know it
	box   *outbox.Outbox
	debts debts
}

func (e *Engine) newNode(index int, pool driver.Pool) *node {
	n := &node{index: index, box: outbox.New(pool, &e.clock)}
	if located, ok := pool.(driver.Located); ok {
		n.addr = located.Addr()
	}
	return n
}

// errand is a call for which no caller waits.
type errand struct {
	outbox.Request
	node    *node
	call    driver.Call
	refusal error // of a call that is sent again with fewer keys
	then    func(answer)
}

// send puts a call of s about t into the node's outbox. then is called once, when it is
// known what became of it.
func (n *node) send(s *Spec, t token, class outbox.Class, call driver.Call, then func(answer)) {
	e := &errand{node: n, call: call, then: then}
	e.Class, e.Bound, e.Token = class, s.bound, t.value
	e.post()
}

func (e *errand) post() {
	e.Call, e.To = &e.call, e
	e.node.box.Post(&e.Request)
}

// askAlone sends a call that was refused for its keys again without those of the line:
// it is the same question, and nothing was run. Where the answer is not certain without
// them, the refusal is. It reports false if the call needs all of its keys.
func (n *node) askAlone(q *outbox.Request, refusal error, then func(answer)) bool {
	alone, ok := q.Call.WithoutQueue()
	if !ok {
		return false
	}
	e := &errand{node: n, call: alone, refusal: refusal, then: then}
	e.Class, e.Bound, e.Token, e.Values = q.Class, q.Bound, q.Token, q.Values
	e.post()
	return true
}

// Unsent implements [outbox.Observer].
func (e *errand) Unsent(_ *outbox.Request, cause error) { e.then(unsent(cause)) }

// Late implements [outbox.Observer]. The driver gives up soon.
func (e *errand) Late(*outbox.Request) {}

// Answered implements [outbox.Observer].
func (e *errand) Answered(q *outbox.Request, reply any, err error) {
	switch {
	case e.refusal != nil && reply == nil && err == nil:
		e.then(e.node.refused(e.refusal))
	case e.refusal == nil && driver.RefusesKeys(err) && e.node.askAlone(q, err, e.then): // once only
	default:
		e.then(e.node.read(q.Call, reply, err))
	}
}

// unsent is the answer to a call that was not sent, and so has changed nothing.
func unsent(cause error) answer { return answer{vote: voteError, err: inTime(cause)} }

// read makes an answer of what came back.
func (n *node) read(call *driver.Call, reply any, err error) answer {
	if err != nil {
		return n.refused(err)
	}
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
		return answer{vote: voteError, err: err}
	}
	v := voteUnknown
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		v = voteError
	}
	late := v == voteUnknown
	return answer{vote: v, late: late, silent: late && timedOut(err), err: inTime(err)}
}

// error is the error of this node for the caller.
func (n *node) error(err error) *RedisError {
	return &RedisError{Node: n.index, Addr: n.addr, Err: err}
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
