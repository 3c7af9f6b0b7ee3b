package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/faketime"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
	"github.com/holdfast-go/holdfast/scripts"
)

// faults are what happens to what a server is asked.
type faults struct {
	delay func(calls []*driver.Call) time.Duration
	fault func(calls []*driver.Call) error                       // it is not run
	busy  func(ctx context.Context)                              // in the driver, before it sends
	dial  func(lane string) (after time.Duration, refusal error) // how a dial ends
	obeys bool                                                   // the driver returns at its ctx's end
	hung  chan struct{}                                          // requests wait here, when set
	short bool                                                   // the driver forgets a reply
}

// server is what the fake drivers ask.
type server struct {
	*testing.T

	mu sync.Mutex
	faults
	requests  []arrival
	runs      map[string]int // how often each call was run
	inside    int
	maxInside int // requests at once
	dials     int
	conns     []*fakeConn
	maxOpen   int // connections at once
}

// arrival is one request to the server.
type arrival struct {
	at       time.Time
	names    []string
	deadline time.Time
	value    any // of the ctx, for valueKey
	conn     int
}

type valueKey struct{}

var (
	errReset   = errors.New("fake: connection reset")
	errRefused = errors.New("fake: connection refused")
)

// run is one request, by one call of a driver.
func (s *server) run(ctx context.Context, calls []*driver.Call, c *fakeConn) []driver.Reply {
	f := s.enter(ctx, calls, c)
	defer s.leave()
	if f.busy != nil {
		f.busy(ctx)
	}
	err := f.wait(ctx, calls, c)
	if err == nil && f.fault != nil {
		err = f.fault(calls)
	}
	replies := make([]driver.Reply, len(calls))
	for i, call := range calls {
		if replies[i].Err = err; err == nil {
			replies[i].Value = name(call)
			s.ran(call)
		}
	}
	return replies
}

func (s *server) enter(ctx context.Context, calls []*driver.Call, c *fakeConn) faults {
	a := arrival{at: time.Now(), value: ctx.Value(valueKey{}), conn: -1}
	for _, call := range calls {
		a.names = append(a.names, name(call))
	}
	if c != nil {
		a.conn = c.id
	}
	a.deadline, _ = ctx.Deadline()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, a)
	s.inside++
	s.maxInside = max(s.maxInside, s.inside)
	return s.faults
}

func (s *server) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside--
}

func (s *server) ran(call *driver.Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs[name(call)]++
}

// wait is the time that a request takes.
func (f faults) wait(ctx context.Context, calls []*driver.Call, c *fakeConn) error {
	var over, gone <-chan struct{}
	if f.obeys {
		over = ctx.Done()
	}
	if c != nil {
		gone = c.gone
	}
	wait := func(until <-chan struct{}) error {
		select {
		case <-until:
			return nil
		case <-over:
			return ctx.Err()
		case <-gone:
			return errReset
		}
	}
	if f.hung != nil {
		return wait(f.hung)
	}
	if f.delay == nil {
		return nil
	}
	taken := make(chan struct{})
	timer := time.AfterFunc(f.delay(calls), func() { close(taken) })
	defer timer.Stop()
	return wait(taken)
}

// hang has all further requests wait for what it returns.
func (s *server) hang() (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hung := make(chan struct{})
	s.hung = hung
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.hung == hung {
			s.hung = nil
		}
		close(hung)
	}
}

// arrived are the requests so far, once everything has come to rest.
func (s *server) arrived() []arrival {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// groups are their calls.
func (s *server) groups() (all []string) {
	for _, a := range s.arrived() {
		all = append(all, strings.Join(a.names, " "))
	}
	return all
}

// sizes are how many calls each has.
func (s *server) sizes() (all []int) {
	for _, a := range s.arrived() {
		all = append(all, len(a.names))
	}
	return all
}

// one is a pool that has nothing but Eval.
type one struct{ *server }

func (p one) Eval(ctx context.Context, call *driver.Call) (any, error) {
	r := p.run(ctx, []*driver.Call{call}, nil)[0]
	return r.Value, r.Err
}

// many is one that sends batches.
type many struct{ one }

func (p many) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	replies := p.run(ctx, calls, nil)
	if p.short {
		return replies[:len(replies)-1]
	}
	return replies
}

// bounds is one that keeps the deadline, or for once does not.
type bounds struct {
	many
	cannot bool
}

func (p *bounds) EvalBounded(ctx context.Context, call *driver.Call) (any, bool, error) {
	if p.cannot {
		return nil, false, nil
	}
	reply, err := p.Eval(ctx, call)
	return reply, true, err
}

// dials is one that makes connections for the lanes.
type dials struct {
	one
	bounded bool
}

func (p dials) Dial(ctx context.Context, lane string) (driver.Conn, error) {
	p.mu.Lock()
	p.server.dials++
	dial := p.dial
	p.mu.Unlock()
	if dial != nil {
		after, err := dial(lane)
		select {
		case <-time.After(after):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c := &fakeConn{server: p.server, id: len(p.conns), bounded: p.bounded, gone: make(chan struct{})}
	p.conns = append(p.conns, c)
	p.maxOpen = max(p.maxOpen, p.open())
	return c, nil
}

// change changes the faults, once everything has come to rest.
func (s *server) change(to func(f *faults)) {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	to(&s.faults)
}

// dialed is how many connections were tried for, once everything has come to rest.
func (s *server) dialed() int {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dials
}

// maxAtOnce is how many requests there were at once.
func (s *server) maxAtOnce() int {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.maxInside
}

// open counts the connections that were not closed. s.mu is held.
func (s *server) open() (n int) {
	for _, c := range s.conns {
		if c.closes == 0 {
			n++
		}
	}
	return n
}

// lanes is one that stands for several servers: a call's key begins with its lane.
type lanes struct{ dials }

func (lanes) Lane(call *driver.Call) string {
	lane, _, _ := strings.Cut(name(call), ":")
	return lane
}

type fakeConn struct {
	*server
	id      int
	bounded bool
	gone    chan struct{}

	stale  bool // the server has closed it; guarded by mu, as is closes
	closes int
}

func (c *fakeConn) notSent() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stale {
		return fmt.Errorf("fake: %w", driver.ErrNotSent)
	}
	return nil
}

func (c *fakeConn) Eval(ctx context.Context, call *driver.Call) (any, error) {
	r := c.EvalBatch(ctx, []*driver.Call{call})[0]
	return r.Value, r.Err
}

func (c *fakeConn) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	if err := c.notSent(); err != nil {
		replies := make([]driver.Reply, len(calls))
		for i := range replies {
			replies[i].Err = err
		}
		return replies
	}
	return c.run(ctx, calls, c)
}

func (c *fakeConn) Bounded() bool { return c.bounded }

func (c *fakeConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closes++; c.closes == 1 {
		close(c.gone)
	}
	return nil
}

// expire has the server close all connections there are.
func (s *server) expire() {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.stale = true
	}
}

// world is an outbox to a fake server, in a bubble.
type world struct {
	*server
	box    *Outbox
	probes []*probe
	began  time.Time
}

// kinds of drivers.
func ofOne(s *server) driver.Pool    { return one{s} }
func ofMany(s *server) driver.Pool   { return many{one{s}} }
func ofBounds(s *server) driver.Pool { return &bounds{many: many{one{s}}} }
func ofDials(s *server) driver.Pool  { return dials{one: one{s}} }
func ofLanes(s *server) driver.Pool  { return lanes{dials{one: one{s}}} }

func ofBoundedDials(s *server) driver.Pool { return dials{one: one{s}, bounded: true} }

// within runs a test in a bubble, and then checks what is true of every outbox: each
// request is reported on once, and nothing is left.
func within(t *testing.T, kind func(*server) driver.Pool, test func(w *world)) {
	t.Helper()
	faketime.Run(t, func(t *testing.T) {
		s := &server{T: t, runs: make(map[string]int)}
		w := &world{server: s, box: New(kind(s), new(clock.Clock)), began: time.Now()}
		test(w)
		time.Sleep(time.Hour)
		w.settled()
	})
}

func (w *world) settled() {
	w.Helper()
	synctest.Wait()
	for _, p := range w.probes {
		p.once()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	assert.Zero(w, w.inside, "calls that have not returned")
	assert.LessOrEqual(w, w.maxOpen, max(1, len(w.box.lanes))*maxFlights, "connections")
	for _, c := range w.conns {
		assert.Equal(w, 1, c.closes, "how often connection %d was closed", c.id)
	}
	for name, n := range w.runs {
		assert.Equal(w, 1, n, "how often %s was run", name)
	}
}

// probe is a request, and notes what becomes of it.
type probe struct {
	Request
	*world
	call    driver.Call
	blocked map[string]chan struct{} // reports wait there
	then    func()                   // runs when its end is reported

	mu        sync.Mutex
	reports   []string
	at        []time.Duration // when, since the world began
	reply     any
	err       error
	reporting int
	withdrawn bool
}

func name(call *driver.Call) string { return call.Keys()[0].(string) }

// plan makes a request of which nothing is posted yet.
func (w *world) plan(name string, changes ...func(*probe)) *probe {
	p := &probe{world: w, call: driver.NewCall(scripts.Mutex().Acquire, []any{name}, "token of "+name, int64(1))}
	p.Call, p.Class, p.Bound, p.To = &p.call, Ordinary, 100*time.Millisecond, p
	for _, change := range changes {
		change(p)
	}
	w.server.mu.Lock()
	defer w.server.mu.Unlock()
	w.probes = append(w.probes, p)
	return p
}

func (w *world) post(name string, changes ...func(*probe)) *probe {
	p := w.plan(name, changes...)
	w.box.Post(&p.Request)
	return p
}

func (w *world) postAll(names string, changes ...func(*probe)) (all []*probe) {
	for name := range strings.FieldsSeq(names) {
		all = append(all, w.post(name, changes...))
	}
	return all
}

// begin posts what leaves at once, one after another.
func (w *world) begin(names ...string) {
	for _, name := range names {
		w.post(name)
		synctest.Wait()
	}
}

// numbered posts n requests.
func (w *world) numbered(prefix string, n int, changes ...func(*probe)) (all []*probe) {
	for i := range n {
		all = append(all, w.post(fmt.Sprint(prefix, i), changes...))
	}
	return all
}

// occupy takes all places in flight: it returns once none is left.
func (w *world) occupy(changes ...func(*probe)) (all []*probe) {
	for i := range maxFlights {
		all = append(all, w.post(fmt.Sprint("occupies", i), changes...))
		time.Sleep(gatherTime)
	}
	return all
}

// since is the time that has passed in the bubble.
func (w *world) since() time.Duration { return time.Since(w.began) }

func class(c Class) func(*probe)         { return func(p *probe) { p.Class = c } }
func bound(d time.Duration) func(*probe) { return func(p *probe) { p.Bound = d } }
func token(t string) func(*probe)        { return func(p *probe) { p.Token = t } }
func alone(p *probe)                     { p.Alone = true }
func mayWait(p *probe)                   { p.Patient, p.Class = true, Looks }

// bytes has a call take so many.
func bytes(n int) func(*probe) {
	return func(p *probe) {
		p.call = driver.NewCall(scripts.Mutex().Acquire, p.call.Keys(), strings.Repeat("x", n))
	}
}

// holds has reports of a kind wait until the channel that it makes is closed.
func holds(kind string) func(*probe) {
	return func(p *probe) { p.blocked = map[string]chan struct{}{kind: make(chan struct{})} }
}

func (p *probe) Unsent(_ *Request, cause error)            { p.note("unsent", nil, cause) }
func (p *probe) Late(*Request)                             { p.note("late", nil, nil) }
func (p *probe) Answered(_ *Request, reply any, err error) { p.note("answered", reply, err) }
func always(d time.Duration) func([]*driver.Call) time.Duration {
	return func([]*driver.Call) time.Duration { return d }
}

func (p *probe) note(kind string, reply any, err error) {
	p.mu.Lock()
	p.reports, p.at = append(p.reports, kind), append(p.at, p.since())
	p.reply, p.err = reply, err
	p.reporting++
	assert.Equal(p.world, 1, p.reporting, "%s: two reports at once: %v", name(&p.call), p.reports)
	p.mu.Unlock()
	if held := p.blocked[kind]; held != nil {
		<-held
	}
	p.mu.Lock()
	p.reporting--
	p.mu.Unlock()
	if p.then != nil && kind != "late" {
		p.then()
	}
}

// saw is what was reported so far, once everything has come to rest.
func (p *probe) saw() []string {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.reports)
}

// sawAfter is saw, after some time.
func (p *probe) sawAfter(after time.Duration) []string {
	time.Sleep(after)
	return p.saw()
}

// cause is the error that was reported.
func (p *probe) cause() error {
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// when is when the last was reported.
func (p *probe) when() time.Duration {
	p.saw()
	p.mu.Lock()
	defer p.mu.Unlock()
	require.NotEmpty(p.world, p.at, "%s: nothing was reported", name(&p.call))
	return p.at[len(p.at)-1]
}

// left is when the request was sent.
func (p *probe) left() time.Duration { return p.Sent().Sub(p.began) }

// waited is how long it took until the request was sent.
func (p *probe) waited() time.Duration {
	synctest.Wait()
	return p.Sent().Sub(p.posted)
}

// once checks that a request's end was reported once, and nothing after it.
func (p *probe) once() {
	p.world.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	who := name(&p.call)
	if p.withdrawn {
		assert.Empty(p.world, p.reports, "%s: was withdrawn", who)
		return
	}
	reports := p.reports
	if len(reports) > 0 && reports[0] == "late" {
		reports = reports[1:]
	}
	if assert.Len(p.world, reports, 1, "%s: what was reported: %v", who, p.reports) {
		assert.NotEqual(p.world, "late", reports[0], who)
	}
}

func (w *world) withdraw(p *probe) bool {
	done := w.box.Withdraw(&p.Request)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.withdrawn = p.withdrawn || done
	return done
}
