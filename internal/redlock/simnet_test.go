package redlock

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

// simFault is something that a simulation does to a call or to a node. Each one is
// counted when it is met, and not when it is planned.
type simFault int

const (
	faultSlow      simFault = iota // the request or the reply takes longer than most
	faultLate                      // the request arrives after its caller has given up
	faultRequest                   // the request is lost
	faultReply                     // the request is run, its reply is lost
	faultTwice                     // the request is run twice, the second time later
	faultRefused                   // the node is away, and refuses
	faultStopped                   // the node stands still, and the request waits there
	faultForgot                    // the node has come back empty, with something to forget
	faultClock                     // the node's clock is not the clients'
	faultCancelled                 // the caller's ctx ended first
	faultOverslept                 // the caller came back after its hold had ended
	faultFar                       // the node is far away
	faultUnsent                    // a node was not asked, as it has been silent
	faultDead                      // a connection was found dead before anything was sent
	faultHalf                      // a connection broke in the middle of a batch
	faultPassed                    // none: the lease of another goroutine of the process was passed on
	simFaults                      // how many there are
)

var simFaultNames = [simFaults]string{
	"slow", "late", "request lost", "reply lost", "run twice", "node away", "node stopped", "node back empty",
	"clock off", "caller cancelled", "caller overslept", "node far", "not sent", "connection dead", "batch half answered",
	"lease passed on",
}

// simCounts count what was met, over all schedules.
type simCounts [simFaults]atomic.Int64

func (c *simCounts) String() string {
	text := ""
	for f, name := range simFaultNames {
		text += fmt.Sprintf("%s %d, ", name, c[f].Load())
	}
	return text[:len(text)-2]
}

// simOdds are how likely each fault of a call is, in a thousand.
type simOdds struct{ slow, late, request, reply, twice int }

// simNode is a node of a simulation: a fake one that may be away or stand still,
// and whose clock has a rate of its own.
type simNode struct {
	*fakeNode
	index int
	rate  float64 // of lifetimes: below 1 where the clock is fast

	mu      sync.Mutex
	away    bool
	life    int           // how often it was killed: what was on its way then is lost
	stopped chan struct{} // closed when it goes on; nil while it runs
}

func (n *simNode) state() (away bool, life int, stopped chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.away, n.life, n.stopped
}

// simPool is the way from one process to one node.
type simPool struct {
	sim     *simulation
	node    *simNode
	process int
	bound   bool

	there, back time.Duration // what each direction takes at least

	mu     sync.Mutex
	random *rand.Rand // of this way alone, so that ways do not change each other's

	releases map[any]bool // tokens of which one was sent; where that matters
}

// simFate is what will happen to one call.
type simFate struct {
	there, back time.Duration
	again       time.Duration // the second run comes so long after the first; 0 for none
	noRequest   bool
	noReply     bool
	breaks      bool // the connection does, at once, where something is lost
}

var errSimBroken = errors.New("sim: connection reset")

// fate draws what will happen to a call. It takes the same draws for every call.
func (p *simPool) fate() (fate simFate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	odds, r := p.sim.odds, p.random
	fate.there, fate.back = p.there+1+upTo(r, 2*ms), p.back+1+upTo(r, 2*ms)
	slow, late, twice := upTo(r, p.sim.bound), upTo(r, 2*p.sim.expiry), 1+upTo(r, p.sim.expiry)
	toss := r.IntN(1000)
	fate.breaks = r.IntN(2) == 0
	if p.sim.quiet.Load() {
		return fate
	}
	within := func(of int) bool { toss -= of; return toss < 0 }
	switch {
	case within(odds.slow):
		fate.there += slow
	case within(odds.slow):
		fate.back += slow
	case within(odds.late):
		fate.there += p.sim.bound + late
	case within(odds.request):
		fate.noRequest = true
	case within(odds.reply):
		fate.noReply = true
	case within(odds.twice):
		fate.again = twice
	}
	return fate
}

// goFar has most ways take up to most of a bound, for there and back.
func (p *simPool) goFar() {
	trip, there := upTo(p.random, p.sim.bound*4/5), p.random.Float64()
	if p.random.IntN(3) > 0 {
		p.there = time.Duration(there * float64(trip))
		p.back = trip - p.there
	}
}

// wasReleased reports that a release of the same token was sent before.
func (p *simPool) wasReleased(call *driver.Call) bool {
	if !strings.HasSuffix(call.Script().Name(), "_release") {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.releases == nil {
		p.releases = make(map[any]bool)
	}
	was := p.releases[call.Args()[0]]
	p.releases[call.Args()[0]] = true
	return was
}

// count notes the faults of a call that has come so far.
func (p *simPool) count(fate simFate) {
	meets := func(is bool, f simFault) {
		if is {
			p.sim.meet(f)
		}
	}
	longest := max(fate.there, fate.back)
	meets(longest > 3*ms && longest <= p.sim.bound, faultSlow)
	meets(fate.there > p.sim.bound, faultLate)
	meets(fate.noRequest, faultRequest)
	meets(p.node.rate != 1, faultClock)
	meets(p.there+p.back > p.sim.bound/4, faultFar)
}

// Eval sends a call through the simulated network. As a driver does, it returns at
// its deadline at the latest; what it has sent stays on its way.
func (p *simPool) Eval(ctx context.Context, call *driver.Call) (any, error) {
	r := p.send(ctx, []*driver.Call{call}, nil)[0]
	return r.Value, r.Err
}

// send sends calls as one request, until its deadline or until closed is.
func (p *simPool) send(ctx context.Context, calls []*driver.Call, closed <-chan struct{}) []driver.Reply {
	fate := p.fate()
	fate.noRequest = fate.noRequest || p.sim.wrong.once && slices.ContainsFunc(calls, p.wasReleased)
	p.count(fate)
	if away, _, _ := p.node.state(); away {
		p.sim.meet(faultRefused)
		time.Sleep(fate.there)
		return alike(len(calls), &net.OpError{Op: "dial", Err: errSimBroken})
	}
	sent := make([]driver.Call, len(calls))
	for i, call := range calls {
		sent[i] = p.scaled(call, fate)
	}
	got := make(chan []driver.Reply, 1)
	go p.deliver(sent, fate, got)
	select {
	case replies := <-got:
		return replies
	case <-ctx.Done():
		if p.sim.wrong.unsent {
			return alike(len(calls), driver.ErrNotSent)
		}
		return alike(len(calls), ctx.Err())
	case <-closed:
		return alike(len(calls), p.broken())
	}
}

func alike(n int, err error) []driver.Reply {
	replies := make([]driver.Reply, n)
	for i := range replies {
		replies[i].Err = err
	}
	return replies
}

// broken is what a driver says of a request whose connection broke.
func (p *simPool) broken() error {
	if p.sim.wrong.unsent {
		return driver.ErrNotSent
	}
	return errSimBroken
}

// EvalBounded implements driver.Bounded.
func (p *simPool) EvalBounded(ctx context.Context, call *driver.Call) (any, bool, error) {
	if !p.bound {
		return nil, false, nil
	}
	reply, err := p.Eval(ctx, call)
	return reply, true, err
}

// Subscribe implements driver.Subscriber.
func (p *simPool) Subscribe(ctx context.Context, channel string) (driver.Subscription, error) {
	if away, _, _ := p.node.state(); away {
		return nil, errSimBroken
	}
	return p.node.Subscribe(ctx, channel)
}

// scaled is the call as the node's clock sees it: a lifetime, which is always the
// second argument, is shorter in true time where the clock is fast.
func (p *simPool) scaled(call *driver.Call, fate simFate) driver.Call {
	args := append([]any(nil), call.Args()...)
	if len(args) > 1 {
		if lifetime, ok := args[1].(int64); ok {
			if p.sim.wrong.late {
				lifetime -= (fate.there + fate.back).Milliseconds()
			}
			args[1] = int64(math.Ceil(float64(lifetime) * p.node.rate))
		}
	}
	return driver.NewCall(call.Script(), call.Keys(), args...)
}

// deliver takes calls to their node and their replies back.
func (p *simPool) deliver(calls []driver.Call, fate simFate, got chan<- []driver.Reply) {
	_, life, _ := p.node.state()
	time.Sleep(fate.there)
	if fate.noRequest {
		p.loses("request", calls, nil, fate, got)
		return
	}
	replies := alike(len(calls), p.broken())
	for i := range calls {
		reply, ok := p.arrive(&calls[i], life)
		if !ok {
			got <- replies
			return
		}
		replies[i] = driver.Reply{Value: reply}
	}
	if fate.again > 0 {
		go func() {
			time.Sleep(fate.again)
			if _, ok := p.arrive(&calls[0], life); ok {
				p.sim.meet(faultTwice)
			}
		}()
	}
	if fate.noReply {
		p.sim.meet(faultReply)
		p.loses("reply", calls, replies[:len(calls)/2], fate, got)
		return
	}
	time.Sleep(fate.back)
	got <- replies
}

// loses tells the caller of a loss, or leaves it to find out. Some replies may have come
// before.
func (p *simPool) loses(what string, calls []driver.Call, came []driver.Reply, fate simFate, got chan<- []driver.Reply) {
	for i := range calls {
		p.sim.note("%d→%d %s of %s %v lost", p.process, p.node.index, what, calls[i].Script().Name(), calls[i].Args())
	}
	if !fate.breaks {
		return
	}
	if len(came) > 0 {
		p.sim.meet(faultHalf)
	}
	replies := alike(len(calls), p.broken())
	copy(replies, came)
	got <- replies
}

// arrive runs a call on its node, once the node goes on. What was on its way to a
// node that was killed meanwhile is gone.
func (p *simPool) arrive(call *driver.Call, life int) (any, bool) {
	for {
		away, now, stopped := p.node.state()
		if away || now != life {
			return nil, false
		}
		if stopped == nil {
			break
		}
		p.sim.meet(faultStopped)
		<-stopped
	}
	f := p.node.fakeNode
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.sim.wrong.script != nil {
		p.sim.wrong.script(f, call)
	}
	reply := f.run(call)
	p.sim.note("%d→%d %s %v: %v", p.process, p.node.index, call.Script().Name(), call.Args(), reply)
	return reply, true
}
