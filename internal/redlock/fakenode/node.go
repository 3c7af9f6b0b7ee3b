package fakenode

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing/synctest"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

// ErrLostReply is what a call fails with that was executed and whose reply was lost.
var ErrLostReply = errors.New("fake: connection reset")

// Node is a node in memory with its faults. A fault that is nil is none.
type Node struct {
	Mu sync.Mutex // guards all below; a test that changes anything while calls run takes it
	State

	Bounded        bool                                  // keeps the promise of driver.Bounded
	KeepsDeadlines bool                                  // returns at its ctx's deadline, and executes nothing after it
	Before         func(call *driver.Call) time.Duration // how long a call takes to arrive; not under Mu
	After          func(call *driver.Call) time.Duration // how long its reply takes; not under Mu
	Fault          func(call *driver.Call) error         // the call fails and is not executed; under Mu
	Lose           func(call *driver.Call) bool          // executed, but the reply is lost; under Mu
	MaxInside      int                                   // the most calls that were under way at once

	hung   chan struct{} // calls wait here, before execution, when set
	calls  []string      // scripts run, in the order of execution
	inside int           // calls that have not returned
}

// New makes a node that has nothing and no faults. It refuses subscriptions, as most tests
// are about polling: see [Channels].
func New() *Node { return &Node{State: newState()} }

// EvalBounded implements driver.Bounded.
func (n *Node) EvalBounded(ctx context.Context, call *driver.Call) (any, bool, error) {
	if !n.Bounded {
		return nil, false, nil
	}
	reply, err := n.Eval(ctx, call)
	return reply, true, err
}

// Eval runs a call through the node's faults.
func (n *Node) Eval(ctx context.Context, call *driver.Call) (any, error) {
	dawdle()
	defer dawdle()
	before, after := n.enter()
	defer n.leave()
	if err := n.delay(ctx, before, call); err != nil {
		return nil, err
	}
	if err := n.hang(ctx); err != nil {
		return nil, err
	}
	reply, err := n.execute(call)
	if err != nil {
		return nil, err
	}
	if err := n.delay(ctx, after, call); err != nil {
		return nil, err
	}
	if n.loses(call) {
		return nil, ErrLostReply
	}
	return reply, nil
}

// enter counts a call, and returns the delays that it meets.
func (n *Node) enter() (before, after func(*driver.Call) time.Duration) {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	n.inside++
	n.MaxInside = max(n.MaxInside, n.inside)
	return n.Before, n.After
}

func (n *Node) leave() {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	n.inside--
}

func (n *Node) loses(call *driver.Call) bool {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	return n.Lose != nil && n.Lose(call)
}

func (n *Node) delay(ctx context.Context, by func(*driver.Call) time.Duration, call *driver.Call) error {
	if by == nil {
		return nil
	}
	d := by(call)
	if d <= 0 {
		return nil
	}
	if !n.KeepsDeadlines {
		time.Sleep(d)
		return nil
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *Node) hang(ctx context.Context) error {
	hung := n.Hanging()
	if hung == nil {
		return nil
	}
	if !n.KeepsDeadlines {
		<-hung
		return nil
	}
	select {
	case <-hung:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Hanging is closed when calls that hang go on. It is nil while none do.
func (n *Node) Hanging() <-chan struct{} {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	return n.hung
}

// SetHung makes calls hang from now on, or lets all go on.
func (n *Node) SetHung(hung bool) {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	if hung {
		n.hung = make(chan struct{})
		return
	}
	close(n.hung)
	n.hung = nil
}

func (n *Node) execute(call *driver.Call) (any, error) {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	if n.Fault != nil {
		if err := n.Fault(call); err != nil {
			return nil, err
		}
	}
	n.calls = append(n.calls, call.Name())
	return n.Run(call), nil
}

// Set changes the node, once everything in the bubble has settled.
func (n *Node) Set(change func()) {
	synctest.Wait()
	n.Mu.Lock()
	defer n.Mu.Unlock()
	change()
}

// History is the scripts run so far, once everything in the bubble has settled.
func (n *Node) History() (calls []string) {
	n.Set(func() { calls = append([]string{}, n.calls...) })
	return calls
}

// Inside counts the calls that have not returned, once everything in the bubble has settled.
func (n *Node) Inside() (inside int) {
	n.Set(func() { inside = n.inside })
	return inside
}

// Ran counts the executions of a script.
func (n *Node) Ran(script *scripts.Script) (times int) {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	for _, name := range n.calls {
		if name == script.Name() {
			times++
		}
	}
	return times
}

// Subscribe implements driver.Subscriber.
func (n *Node) Subscribe(_ context.Context, channel string) (driver.Subscription, error) {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	if n.NoSubscriptions {
		return nil, errNoSubscriptions
	}
	return n.subscribe(&n.Mu, channel), nil
}

// BreakSubscriptions ends all, as a lost connection does.
func (n *Node) BreakSubscriptions() {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	for _, s := range slices.Clone(n.open) {
		n.drop(s)
	}
}

// Subscriptions counts those that are open, once everything in the bubble has settled.
func (n *Node) Subscriptions() (open int) {
	n.Set(func() { open = len(n.open) })
	return open
}

// Waiting counts the tickets of mutexes and semaphores, once everything in the bubble has
// settled.
func (n *Node) Waiting() (tickets int) {
	n.Set(func() { tickets = n.Lines.live() })
	return tickets
}

// Holder is the live token under a mutex's name, or "".
func (n *Node) Holder(name string) string {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	key, there := n.Live(name)
	if !there {
		return ""
	}
	return key.Token
}

// Put sets a key as another process would.
func (n *Node) Put(name, token string, lifetime time.Duration) {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	n.Keys[name] = Key{token, time.Now().Add(lifetime)}
}

// SlotsOf are a token's slots, once everything in the bubble has settled.
func (n *Node) SlotsOf(token string) (slots []int) {
	n.Set(func() { slots = n.Permits[token].Slots })
	return slots
}

// LookRW is what the node has at once of the read-write lock whose writer has this key: its
// writer's token, its readers, and the tickets of writers.
func (n *Node) LookRW(key string) (writer string, readers, tickets int) {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	l := n.RW(key)
	l.Reap()
	return l.Writer.Token, len(l.Readers), len(l.WaitingWriters.Tickets)
}

// Counter is the live counter at key, or 0.
func (n *Node) Counter(key string) int64 {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	return n.number(key)
}

// SetCounter gives a counter the number that its node may have come to.
func (n *Node) SetCounter(key string, number int64) {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	n.count(key, number, 0)
}

// Restart forgets everything but the subscriptions.
func (n *Node) Restart() {
	n.Mu.Lock()
	defer n.Mu.Unlock()
	n.forget()
}
