package redlock

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing/synctest"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

// testProtocol is a protocol of the tests' own: the engine must not know which
// primitive it runs.
var testProtocol = &Protocol{
	Kind:    "test",
	Acquire: scripts.Mutex().Acquire,
	Extend:  scripts.Mutex().Extend,
	Revive:  scripts.Mutex().ExtendOrSet,
	Release: scripts.Mutex().Release,
	Check:   scripts.Mutex().Check,

	Pass:     scripts.Mutex().Pass,
	Withdraw: scripts.Mutex().Withdraw,
	LineKeys: []string{"line", "waiters"},
}

// fakeNode is a node in memory that runs the scripts' semantics on the clock of
// its bubble. Its faults are functions of the call, so that a test can say which
// call meets which fault.
type fakeNode struct {
	bound bool // keeps the promise of driver.Bounded

	mu      sync.Mutex
	keys    map[string]fakeKey
	permits map[string]fakePermit  // by token; of one semaphore
	lines   map[string][]fakePlace // by the lock's first key
	perNode bool                   // the wrong semaphore: counts, and knows no slots
	rash    bool                   // a wrong one: takes a token's slots away before it looks whether there are others
	rw      map[string]*fakeRW     // by the writer's key
	calls   []string               // scripts run, in the order of execution
	inside  int                    // calls that have not returned
	most    int                    // the most calls at once
	before  func(call *driver.Call) time.Duration
	after   func(call *driver.Call) time.Duration
	fault   func(call *driver.Call) error // the call fails and is not executed
	lose    func(call *driver.Call) bool  // executed, but the reply is lost
	hung    chan struct{}                 // calls wait here, before execution, when set
	careful bool                          // returns at its ctx's deadline, and executes nothing after it

	counters map[string]fakeCounter // by key
	skew     time.Duration          // of its clock, which begins counters
	perGrant bool                   // the wrong counter: it is not written back

	deaf       bool // refuses subscriptions, as most tests are about polling
	mumbles    bool // what it publishes is lost
	subscribed []*fakeSubscription
}

type fakeKey struct {
	token string
	ends  time.Time
}

var errLostReply = errors.New("fake: connection reset")

func newFake() *fakeNode {
	return &fakeNode{
		counters: make(map[string]fakeCounter),
		keys:     make(map[string]fakeKey), permits: make(map[string]fakePermit), rw: make(map[string]*fakeRW), lines: make(map[string][]fakePlace), deaf: true,
	}
}

func fakes(n int) ([]*fakeNode, []driver.Pool) {
	nodes, pools := make([]*fakeNode, n), make([]driver.Pool, n)
	for i := range nodes {
		nodes[i] = newFake()
		pools[i] = nodes[i]
	}
	return nodes, pools
}

// EvalBounded implements driver.Bounded.
func (f *fakeNode) EvalBounded(ctx context.Context, call *driver.Call) (any, bool, error) {
	if !f.bound {
		return nil, false, nil
	}
	reply, err := f.Eval(ctx, call)
	return reply, true, err
}

// Eval runs a call through the node's faults.
func (f *fakeNode) Eval(ctx context.Context, call *driver.Call) (any, error) {
	dawdle()
	defer dawdle()
	f.enter()
	defer f.leave()
	f.mu.Lock()
	before, after := f.before, f.after
	f.mu.Unlock()
	if err := f.delay(ctx, before, call); err != nil {
		return nil, err
	}
	if err := f.hang(ctx); err != nil {
		return nil, err
	}
	reply, err := f.execute(call)
	if err != nil {
		return nil, err
	}
	if err := f.delay(ctx, after, call); err != nil {
		return nil, err
	}
	if f.loses(call) {
		return nil, errLostReply
	}
	return reply, nil
}

var dawdles = flag.Bool("fake.dawdle", false, "have fake nodes let others go first, at random")

// dawdle lets the scheduler run others, in no time: what a test takes for granted about
// who comes first then fails soon, and not once in a thousand runs.
func dawdle() {
	if *dawdles {
		for range rand.IntN(2) * rand.IntN(40) {
			runtime.Gosched()
		}
	}
}

func (f *fakeNode) loses(call *driver.Call) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lose != nil && f.lose(call)
}

func (f *fakeNode) enter() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inside++
	f.most = max(f.most, f.inside)
}

func (f *fakeNode) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inside--
}

func (f *fakeNode) delay(ctx context.Context, by func(*driver.Call) time.Duration, call *driver.Call) error {
	if by == nil {
		return nil
	}
	d := by(call)
	if d <= 0 {
		return nil
	}
	if !f.careful {
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

func (f *fakeNode) hang(ctx context.Context) error {
	f.mu.Lock()
	hung := f.hung
	f.mu.Unlock()
	if hung == nil {
		return nil
	}
	if !f.careful {
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

// setHung makes calls hang from now on, or lets all go.
func (f *fakeNode) setHung(hung bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if hung {
		f.hung = make(chan struct{})
		return
	}
	close(f.hung)
	f.hung = nil
}

func (f *fakeNode) execute(call *driver.Call) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault != nil {
		if err := f.fault(call); err != nil {
			return nil, err
		}
	}
	f.calls = append(f.calls, call.Script().Name())
	return f.run(call), nil
}

// run is what the scripts do. f.mu is held.
func (f *fakeNode) run(call *driver.Call) any {
	name, args := call.Keys()[0].(string), call.Args()
	if of, ok := fencedScripts[call.Script()]; ok {
		return f.runFenced(of, call)
	}
	if rwScripts[call.Script()] != nil {
		return f.runRW(call)
	}
	if l := f.rw[name]; l != nil && call.Script() == scripts.Mutex().Release {
		return l.releaseQuietly(args[0])
	}
	if strings.HasPrefix(call.Script().Name(), "semaphore_") {
		return f.runSlots(call)
	}
	token := args[0].(string)
	key, there := f.live(name)
	ours := there && key.token == token
	switch call.Script() {
	case scripts.Mutex().Acquire:
		ours = false
		for _, old := range args[4:] {
			ours = ours || there && key.token == old
		}
		place := args[2].(string)
		reply := f.write(name, token, args[1], (!there || ours) && (f.mayPass(name, place) || there && key.token == token))
		if reply == int64(1) {
			f.serve(name, place)
		} else {
			f.enqueue(name, place, args[3])
			if place != "" && there && !ours {
				return announced(key.token, key.ends)
			}
		}
		return reply
	case scripts.Mutex().Pass:
		if !there {
			return int64(-1)
		}
		if reply := f.write(name, token, args[1], ours); reply != int64(1) || len(call.Keys()) == 1 || !f.awaited(name) {
			return reply
		}
		return int64(2)
	case scripts.Mutex().Withdraw:
		if len(call.Keys()) == 1 { // there is no line to see
			return int64(-1)
		}
		had := f.dequeue(name, token)
		if !there {
			f.wakeOne(name, "")
		}
		if !had {
			return int64(-1)
		}
		return int64(1)
	case scripts.Mutex().ExtendOrSet:
		return f.write(name, token, args[1], !there || ours)
	case scripts.Mutex().Extend:
		if !there {
			return int64(-1)
		}
		return f.write(name, token, args[1], ours)
	case scripts.Mutex().Release:
		f.enqueue(name, args[1].(string), args[2])
		if there && !ours {
			return int64(0)
		}
		delete(f.keys, name)
		if len(call.Keys()) > 1 {
			f.wakeOne(name, args[1].(string))
		}
		if !there {
			return int64(-1)
		}
		return int64(1)
	case scripts.Mutex().Check:
		if !there {
			return int64(-1)
		}
		return map[bool]int64{true: 1}[ours]
	}
	panic("fake: unknown script " + call.Script().Name())
}

func (f *fakeNode) live(name string) (fakeKey, bool) {
	key, there := f.keys[name]
	return key, there && time.Now().Before(key.ends)
}

func (f *fakeNode) write(name, token string, ms any, may bool) any {
	if !may {
		return int64(0)
	}
	f.keys[name] = fakeKey{token, time.Now().Add(time.Duration(ms.(int64)) * time.Millisecond)}
	return int64(1)
}

// holder is the live token under name, or "".
func (f *fakeNode) holder(name string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	key, there := f.live(name)
	if !there {
		return ""
	}
	return key.token
}

// put sets a key as somebody else would.
func (f *fakeNode) put(name, token string, lifetime time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.keys[name] = fakeKey{token, time.Now().Add(lifetime)}
}

// restart forgets everything.
func (f *fakeNode) restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.keys)
	clear(f.permits)
	clear(f.lines)
	clear(f.counters)
	for _, l := range f.rw {
		l.clear()
	}
}

// history is the scripts run so far, once everything has settled.
func (f *fakeNode) history() []string {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string{}, f.calls...)
}

// under counts the calls that have not returned, once everything has settled.
func (f *fakeNode) under() int {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.inside
}

// set changes the node's faults.
func (f *fakeNode) set(change func()) {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// ran counts the executions of a script.
func (f *fakeNode) ran(script *scripts.Script) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, name := range f.calls {
		if name == script.Name() {
			n++
		}
	}
	return n
}

// failing has nodes fail a script, or all of them for nil, until they are back.
func (b *bench) failing(script *scripts.Script, fault error, nodes ...int) {
	for _, i := range nodes {
		b.nodes[i].set(func() {
			b.nodes[i].fault = func(call *driver.Call) error {
				if script == nil || call.Script() == script {
					return fault
				}
				return nil
			}
		})
	}
}
