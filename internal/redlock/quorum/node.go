package quorum

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
)

// Why a node has no certain answer.
var (
	ErrNoAnswer   error = outbox.Timeout("no answer in time")
	ErrUnexpected       = errors.New("unexpected reply")
)

// Node is one independent Redis.
type Node struct {
	Index int
	Addr  string // for errors; "" if the pool does not know it

	box     *outbox.Outbox
	replied func()
}

func newNode(index int, pool driver.Pool, c *clock.Clock) *Node {
	n := &Node{Index: index, box: outbox.New(pool, c), replied: func() {}}
	if located, ok := pool.(driver.Located); ok {
		n.Addr = located.Addr()
	}
	return n
}

// OnReply has replied called with every reply of the node. It comes before the first call.
func (n *Node) OnReply(replied func()) { n.replied = replied }

// Silent is [outbox.Outbox.Silent].
func (n *Node) Silent(call *driver.Call) bool { return n.box.Silent(call) }

// Narrow is [outbox.Outbox.Narrow], for tests.
func (n *Node) Narrow(flights int) { n.box.Narrow(flights) }

// Message is how a call goes to a node: see [outbox.Request].
type Message struct {
	Read   Reader // of the reply
	Token  string // that the call is about
	Bound  time.Duration
	Class  outbox.Class
	Values context.Context // the caller's, for tracing
}

// Send asks this node alone, and waits for nothing: then is called once, when it is known
// what became of the call.
func (n *Node) Send(call driver.Call, m Message, then func(Answer)) {
	n.post(&errand{call: call, read: m.Read, then: then}, &outbox.Request{
		Token: m.Token, Class: m.Class, Bound: m.Bound, Values: m.Values,
	})
}

// errand is a call for which no round waits.
type errand struct {
	outbox.Request
	node    *Node
	call    driver.Call
	read    Reader
	refusal error // of a call that is sent again with fewer keys
	then    func(Answer)
}

// post puts an errand into the outbox, in the way of another request.
func (n *Node) post(e *errand, like *outbox.Request) {
	e.node = n
	e.Token, e.Class, e.Bound, e.Values = like.Token, like.Class, like.Bound, like.Values
	e.Call, e.To = &e.call, e
	n.box.Post(&e.Request)
}

// askAlone sends a call that was refused for its keys again without those of the line:
// it is the same question, and nothing was run. Where the answer is not certain without
// them, the refusal is. It reports false if the call needs all of its keys.
func (n *Node) askAlone(q *outbox.Request, refusal error, read Reader, then func(Answer)) bool {
	if !driver.RefusesKeys(refusal) {
		return false
	}
	alone, ok := q.Call.WithoutQueue()
	if ok {
		n.post(&errand{call: alone, read: read, refusal: refusal, then: then}, q)
	}
	return ok
}

// Unsent implements [outbox.Observer].
func (e *errand) Unsent(_ *outbox.Request, cause error) { e.then(unsent(cause)) }

// Late implements [outbox.Observer]. The driver gives up soon.
func (e *errand) Late(*outbox.Request) {}

// Answered implements [outbox.Observer].
func (e *errand) Answered(q *outbox.Request, reply any, err error) {
	switch {
	case e.refusal != nil && reply == nil && err == nil:
		e.then(refused(e.refusal))
	case e.refusal == nil && e.node.askAlone(q, err, e.read, e.then): // once only
	default:
		e.then(e.node.answer(q.Call, e.read, reply, err))
	}
}

// answer makes an answer of what came back.
func (n *Node) answer(call *driver.Call, read Reader, reply any, err error) Answer {
	if err != nil {
		return refused(err)
	}
	n.replied()
	a, ok := read(reply)
	if !ok {
		return Answer{Vote: Unknown, Err: fmt.Errorf("%w to %s: %T %v", ErrUnexpected, call.Name(), reply, reply)}
	}
	return a
}

// unsent is the answer to a call that was not sent, and so has changed nothing.
func unsent(cause error) Answer { return Answer{Vote: Error, Err: inTime(cause)} }

// refused reads the error of a call. An error that the server sent means that
// it is up and has changed nothing; a failed dial, that nothing was sent. Any
// other leaves the outcome open: the request may still be in a socket's buffer.
func refused(err error) Answer {
	var op *net.OpError
	switch {
	case driver.IsReply(err):
		return Answer{Vote: Error, Err: err}
	case errors.As(err, &op) && op.Op == "dial":
		return unsent(err)
	}
	return Answer{Vote: Unknown, Late: true, Silent: timedOut(err), Err: inTime(err)}
}

// inTime makes one error of the many in which clients say that a node did not
// answer in time: a socket's deadline, the context's, a limit of their own.
func inTime(err error) error {
	switch {
	case errors.Is(err, outbox.ErrSilent): // which says more
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// The call's own limit, or the client's, must not pass for the caller's.
		return fmt.Errorf("%w: %v", ErrNoAnswer, err)
	case timedOut(err):
		return fmt.Errorf("%w: %w", ErrNoAnswer, err)
	default:
		return err
	}
}

func timedOut(err error) bool {
	var timed interface{ Timeout() bool }
	return errors.As(err, &timed) && timed.Timeout()
}
