package simnet

import (
	"context"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

// Way is the way from one process to one node. It is a [driver.Pool] that sends one call at
// a time.
type Way struct {
	net     *Network
	node    *Node
	process int
	bounded bool // keeps the promise of driver.Bounded

	there, back time.Duration // what each direction takes at least

	mu       sync.Mutex
	random   *rand.Rand   // of this way alone
	releases map[any]bool // tokens of which one was sent; where that matters
}

// NewWay makes a way from a process to a node.
func NewWay(n *Network, to *Node, process int, bounded bool, random *rand.Rand) *Way {
	return &Way{net: n, node: to, process: process, bounded: bounded, random: random}
}

// GoFar has two of three ways take up to most of a bound, for there and back.
func (w *Way) GoFar() {
	trip, there := upTo(w.random, w.net.Bound*4/5), w.random.Float64()
	if w.random.IntN(3) > 0 {
		w.there = time.Duration(there * float64(trip))
		w.back = trip - w.there
	}
}

// wasReleased reports that a release of the same token was sent before.
func (w *Way) wasReleased(call *driver.Call) bool {
	if !strings.HasSuffix(call.Name(), "_release") {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.releases == nil {
		w.releases = make(map[any]bool)
	}
	was := w.releases[call.Args()[0]]
	w.releases[call.Args()[0]] = true
	return was
}

// Eval sends a call through the network. As a driver does, it returns at its deadline at the
// latest; what it has sent stays under way.
func (w *Way) Eval(ctx context.Context, call *driver.Call) (any, error) {
	r := w.send(ctx, []*driver.Call{call}, nil)[0]
	return r.Value, r.Err
}

// EvalBounded implements driver.Bounded.
func (w *Way) EvalBounded(ctx context.Context, call *driver.Call) (any, bool, error) {
	if !w.bounded {
		return nil, false, nil
	}
	reply, err := w.Eval(ctx, call)
	return reply, true, err
}

// Subscribe implements driver.Subscriber.
func (w *Way) Subscribe(ctx context.Context, channel string) (driver.Subscription, error) {
	if away, _, _ := w.node.state(); away {
		return nil, ErrBroken
	}
	return w.node.Subscribe(ctx, channel)
}

// send sends calls as one request, until its deadline or until closed is.
func (w *Way) send(ctx context.Context, calls []*driver.Call, closed <-chan struct{}) []driver.Reply {
	f := w.fate()
	f.noRequest = f.noRequest || w.net.Wrong.Once && slices.ContainsFunc(calls, w.wasReleased)
	w.count(f)
	if away, _, _ := w.node.state(); away {
		w.net.Meet(Refused)
		time.Sleep(f.there)
		return alike(len(calls), refused())
	}
	sent := make([]driver.Call, len(calls))
	for i, call := range calls {
		sent[i] = w.scaled(call, f)
	}
	got := make(chan []driver.Reply, 1)
	go w.deliver(sent, f, got)
	select {
	case replies := <-got:
		return replies
	case <-ctx.Done():
		return alike(len(calls), w.net.timedOut(ctx.Err()))
	case <-closed:
		return alike(len(calls), w.net.broken())
	}
}

// refused is what the client of a node says that is away.
func refused() error { return &net.OpError{Op: "dial", Err: ErrBroken} }

func alike(n int, err error) []driver.Reply {
	replies := make([]driver.Reply, n)
	for i := range replies {
		replies[i].Err = err
	}
	return replies
}

// scaled is the call as the node's clock sees it: a lifetime, which is always the
// second argument of a script, is shorter in true time where the clock is fast.
func (w *Way) scaled(call *driver.Call, f fate) driver.Call {
	args := append([]any(nil), call.Args()...)
	at := 1
	if call.Script() == nil { // SET
		at = 3
	}
	if len(args) > at {
		if lifetime, ok := args[at].(int64); ok {
			if w.net.Wrong.Early {
				lifetime -= (f.there + f.back).Milliseconds()
			}
			args[at] = int64(math.Ceil(float64(lifetime) * w.node.Rate))
		}
	}
	return remade(call, args...)
}

// remade is a call with other arguments.
func remade(call *driver.Call, args ...any) driver.Call {
	if call.Script() == nil {
		return driver.NewCommand(call.Name(), call.Keys(), args...)
	}
	return driver.NewCall(call.Script(), call.Keys(), args...)
}

// deliver takes calls to their node and their replies back.
func (w *Way) deliver(calls []driver.Call, f fate, got chan<- []driver.Reply) {
	_, life, _ := w.node.state()
	time.Sleep(f.there)
	if f.noRequest {
		w.loses("request", calls, nil, f, got)
		return
	}
	replies := alike(len(calls), w.net.broken())
	for i := range calls {
		reply, ok := w.arrive(&calls[i], life)
		if !ok {
			got <- replies
			return
		}
		replies[i] = driver.Reply{Value: reply}
	}
	if f.again > 0 {
		go w.repeat(&calls[0], life, f.again)
	}
	if f.noReply {
		w.net.Meet(NoReply)
		w.loses("reply", calls, replies[:len(calls)/2], f, got)
		return
	}
	time.Sleep(f.back)
	got <- replies
}

// repeat runs a call a second time.
func (w *Way) repeat(call *driver.Call, life int, after time.Duration) {
	time.Sleep(after)
	if _, ok := w.arrive(call, life); ok {
		w.net.Meet(Twice)
	}
}

// loses reports a loss to the caller, or leaves it to find out. Some replies may have come
// before.
func (w *Way) loses(what string, calls []driver.Call, came []driver.Reply, f fate, got chan<- []driver.Reply) {
	for i := range calls {
		w.net.Note("%d→%d %s of %s %v lost", w.process, w.node.Index, what, calls[i].Name(), calls[i].Args())
	}
	if !f.breaks {
		return
	}
	if len(came) > 0 {
		w.net.Meet(Half)
	}
	replies := alike(len(calls), w.net.broken())
	copy(replies, came)
	got <- replies
}

// arrive runs a call on its node, once the node goes on. What was under way to a
// node that was killed meanwhile is gone.
func (w *Way) arrive(call *driver.Call, life int) (any, bool) {
	for {
		away, now, stopped := w.node.state()
		if away || now != life {
			return nil, false
		}
		if stopped == nil {
			return w.run(call), true
		}
		w.net.Meet(Stopped)
		<-stopped
	}
}

func (w *Way) run(call *driver.Call) any {
	n := w.node.Node
	n.Mu.Lock()
	defer n.Mu.Unlock()
	if w.net.Wrong.Script != nil {
		w.net.Wrong.Script(n, call)
	}
	before := n.Grants
	reply := n.Run(call)
	if n.Grants > before {
		w.net.Meet(Granted)
	}
	w.net.Note("%d→%d %s %v: %v", w.process, w.node.Index, call.Name(), call.Args(), reply)
	return reply
}
