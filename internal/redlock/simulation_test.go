package redlock

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/faketime"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/simnet"
	"github.com/holdfast-go/holdfast/scripts"
)

// The simulation: the engine as it is, over fake nodes and a network that is bad by
// a seed, on fake time. A seed fixes the primitive, the number of nodes, the clients
// and every draw of theirs, of each way through the network and of the weather.
//
// What a seed cannot fix is the order in which goroutines run that wake at the same
// time; delays are drawn in nanoseconds, so that this is rare. The trace that is
// printed with a failure says what really happened.
var (
	simSchedules = flag.Int("sim.schedules", 360, "how many schedules TestSimulation runs")
	simFirst     = flag.Int("sim.first", 0, "the seed of the first schedule of TestSimulation")
	simSeed      = flag.Int("sim.seed", -1, "run the schedule of this seed alone, and print its trace")
)

const (
	simVisits  = 4 // of a client
	simPatient = time.Hour
)

// simulation is one schedule.
type simulation struct {
	*testing.T
	seed    int
	random  *rand.Rand
	kind    int // of primitive: see simKinds
	net     *simnet.Network
	nodes   []*simnet.Node
	expiry  time.Duration
	bound   time.Duration // of a call
	limit   int           // of the semaphore
	calm    bool          // nothing but slow calls, lost requests and replies, and callers that give up
	strict  bool          // each process has one value for all its leases; in calm schedules, as what runs late looks like what is new
	renews  bool          // leases renew themselves
	numbers bool          // write leases have fencing tokens
	far     bool          // some processes are far away from some nodes
	hasty   bool          // who waits asks again and again, and who has it often comes back too late
	crowded bool          // many others go the same ways
	flights int           // that an outbox has at a time; 0 for as many as it likes
	way     int           // what the pools can do: see simnet.Kinds

	wrong  simWrong
	watch  *simWatch
	counts *simCounts
}

var simKinds = []string{"mutex", "rwmutex", "semaphore"}

// simNodes are the numbers of nodes: of an even one, half are no majority.
var simNodes = []int{1, 3, 5, 2, 4, 6}

// simWrong breaks something on purpose, for the tests of the test.
type simWrong struct {
	net     simnet.Wrong
	engine  func(*Engine)
	node    func(*simnet.Node)
	config  func(*Config)
	forgets bool // a node that was killed is back at once
	numbers bool // all schedules have fencing tokens
	again   int  // so many more schedules must see it
	twice   int  // how many of a thousand calls are run twice, where that is what shows it
	strict  bool // all calm schedules have strict values
	apart   bool // those of a process who share its value do not know of each other's releases
}

func (s *simulation) meet(f simnet.Fault) { s.counts[f].Add(1) }

func (s *simulation) note(text string, args ...any) { s.watch.note(text, args...) }

// simulate runs the schedule of one seed and returns what was wrong, with the trace.
func simulate(t *testing.T, seed int, counts *simCounts, wrong simWrong) (s *simulation) {
	faketime.Run(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(uint64(seed), 7))
		s = &simulation{T: t, seed: seed, random: random, kind: seed % len(simKinds), counts: counts, wrong: wrong}
		s.watch = &simWatch{begun: time.Now(), leases: make(map[*simLease]bool)}
		s.draw(simNodes[seed/len(simKinds)%len(simNodes)])
		s.drawWays(rand.New(rand.NewPCG(uint64(seed), 13)))
		s.run()
	})
	return s
}

// draw makes the world of the schedule.
func (s *simulation) draw(n int) {
	r := s.random
	s.expiry = time.Second + upTo(r, time.Second).Truncate(ms)
	s.bound = s.expiry / 10
	s.calm = r.IntN(4) == 0
	s.net = &simnet.Network{Expiry: s.expiry, Bound: s.bound, Odds: s.drawOdds(r), Wrong: s.wrong.net, Meet: s.meet, Note: s.note}
	s.limit = 1 + r.IntN(4)
	if simKinds[s.kind] == "semaphore" {
		s.watch.limit = s.limit
	}
	mute := r.IntN(3) == 0
	for i := range n {
		node := simnet.NewNode(i)
		node.NoSubscriptions = mute
		if r.IntN(2) == 0 {
			node.Rate = 1 + DefaultDriftFactor*(2*r.Float64()-1)
		}
		if s.wrong.node != nil {
			s.wrong.node(node)
		}
		s.nodes = append(s.nodes, node)
	}
	s.renews = r.IntN(3) == 0
	s.watch.renews = s.renews
	s.numbers = simKinds[s.kind] != "semaphore" && (r.IntN(2) == 0 || s.wrong.numbers)
	s.strict = s.calm && simKinds[s.kind] != "semaphore" && (r.IntN(2) == 0 || s.wrong.strict)
	for _, node := range s.nodes { // within the time that one that returns empty stays away
		node.Skew = upTo(r, s.expiry/2)
	}
}

// drawOdds makes the odds of faults. In calm schedules nothing comes late or twice.
func (s *simulation) drawOdds(r *rand.Rand) simnet.Odds {
	odds := simnet.Odds{Slow: r.IntN(100), Reply: r.IntN(60), Request: r.IntN(60)}
	if !s.calm {
		odds.Late, odds.Twice = r.IntN(50), r.IntN(60)
	}
	odds.Twice = max(odds.Twice, s.wrong.twice)
	if s.wrong.net.Unsent {
		odds.Reply += 250
	}
	return odds
}

// drawWays makes what lies between the clients and the nodes: far nodes, of which a round
// trip takes up to most of a bound, small outboxes, crowds, and what drivers can do.
func (s *simulation) drawWays(r *rand.Rand) {
	s.way, s.crowded = r.IntN(simnet.Kinds), r.IntN(4) == 0
	if r.IntN(3) == 0 {
		s.flights = 1 + r.IntN(2)
	}
	s.far = r.IntN(3) == 0 || s.wrong.net.Early
	s.hasty = s.far && (r.IntN(2) == 0 || s.wrong.net.Early)
	for _, n := range s.nodes {
		n.NoSubscriptions = n.NoSubscriptions || s.hasty
	}
}

// run has clients of several processes come and go in bad weather, and then looks at
// what is left.
func (s *simulation) run() {
	over, ended := make(chan struct{}), make(chan struct{})
	weather := rand.New(rand.NewPCG(uint64(s.seed), 11))
	go func() {
		defer close(ended)
		s.weather(weather, over)
	}()
	var clients sync.WaitGroup
	engines := 2 + s.random.IntN(2)
	for p := range engines {
		e := s.engine(p)
		s.clients(p, e, &clients)
		if s.crowded {
			s.crowd(p, e, &clients)
		}
	}
	clients.Wait()
	close(over)
	<-ended
	s.settle()
}

// engine is that of a process, with its own ways to the nodes.
func (s *simulation) engine(process int) *Engine {
	var pools []driver.Pool
	for i, n := range s.nodes {
		seed := rand.NewPCG(uint64(s.seed), uint64(1000+10*process+i))
		way := simnet.NewWay(s.net, n, process, s.seed%2 == 0, rand.New(seed))
		if s.far && !s.net.Quiet.Load() {
			way.GoFar()
		}
		pools = append(pools, simnet.Driver(way, s.way))
	}
	e := New(pools...)
	standing := rand.New(rand.NewPCG(uint64(s.seed), uint64(3000+process)))
	var mu sync.Mutex
	e.stands = func() bool {
		mu.Lock()
		defer mu.Unlock()
		return standing.IntN(4) > 0
	}
	if s.flights > 0 {
		for _, n := range e.nodes {
			n.Narrow(s.flights)
		}
	}
	if s.wrong.engine != nil {
		s.wrong.engine(e)
	}
	return e
}

// clients starts those of a process, which share an object.
func (s *simulation) clients(process int, e *Engine, all *sync.WaitGroup) {
	value := fmt.Sprint("value of ", process)
	object := s.object(e, value)
	for g := range 2 {
		c := object
		if s.wrong.apart && g > 0 {
			c = s.object(s.engine(process), value)
		}
		c.name = fmt.Sprintf("%d/%d", process, g)
		c.random = rand.New(rand.NewPCG(uint64(s.seed), uint64(100+10*process+g)))
		all.Go(c.live)
	}
}

const (
	simCrowd       = 12 // goroutines of a process, each with a lock of its own
	simCrowdVisits = 8
)

// crowd starts those who want other locks, which are free, by the same ways.
func (s *simulation) crowd(process int, e *Engine, all *sync.WaitGroup) {
	config := DefaultConfig()
	config.Expiry, config.TimeoutFactor, config.Tries = s.expiry, 0.1, 2
	for g := range simCrowd {
		name := fmt.Sprintf("crowd %d/%d", process, g)
		lock := NewExclusive(e.NewSpec(s.mutex(), name, config))
		c := simClient{sim: s, name: name, random: rand.New(rand.NewPCG(uint64(s.seed), uint64(5000+100*process+g)))}
		all.Go(func() {
			for range simCrowdVisits {
				if c.enters(lock) {
					c.giveBack(lock.Unlock)
				}
				c.sleep(10 * ms)
			}
		})
	}
}

// object makes a client of a new object.
func (s *simulation) object(e *Engine, value string) simClient {
	config := DefaultConfig()
	config.Expiry, config.TimeoutFactor = s.expiry, 0.1
	config.AutoExtend, config.Fencing = s.renews, s.numbers
	if s.hasty {
		config.RetryDelay = func(int) time.Duration { return 7 * ms }
		config.Tries = 500
	}
	if s.strict {
		config.SetGenValue(func() (string, error) { return value, nil })
	}
	if s.wrong.config != nil {
		s.wrong.config(&config)
	}
	c := simClient{sim: s}
	switch simKinds[s.kind] {
	case "rwmutex":
		c.rw = NewRW(e, writeProtocol, readProtocol, "name", config)
	case "semaphore":
		c.slots = NewSlots(e.NewSpec(slotsProtocol, "name", config), s.limit)
	default:
		c.lock = NewExclusive(e.NewSpec(s.mutex(), "name", config))
	}
	return c
}

// mutex is the protocol of all mutexes: on one node a release may grant.
func (s *simulation) mutex() *Protocol {
	if len(s.nodes) == 1 {
		return grantProtocol
	}
	return testProtocol
}

// weather stops nodes and kills them, one at a time. One that was killed has kept
// all that it had, or stays away for the longest expiry and is empty.
func (s *simulation) weather(r *rand.Rand, over chan struct{}) {
	sleep := func(d time.Duration) bool {
		select {
		case <-time.After(d):
			return true
		case <-over:
			return false
		}
	}
	for !s.calm && sleep(upTo(r, s.expiry)) {
		n := s.nodes[r.IntN(len(s.nodes))]
		d := upTo(r, s.expiry)
		switch r.IntN(3) {
		case 0:
			s.stop(n, func() { sleep(d) })
		case 1:
			s.kill(n, false, func() { sleep(d) })
		default:
			// Also at the end: what the clients had is still there when they look.
			s.kill(n, true, func() { time.Sleep(s.absence(d)) })
		}
	}
	<-over
}

// absence is how long a node stays away that comes back empty.
func (s *simulation) absence(more time.Duration) time.Duration {
	if s.wrong.forgets {
		return ms
	}
	return more/4 + s.longest()
}

// longest is the longest life of a key, by the slowest clock.
func (s *simulation) longest() time.Duration {
	return time.Duration(float64(s.expiry)*(1+DefaultDriftFactor)) + 2*ms
}

func (s *simulation) stop(n *simnet.Node, wait func()) {
	s.note("node %d stops", n.Index)
	n.Stop()
	wait()
	s.note("node %d goes on", n.Index)
	n.GoOn()
}

func (s *simulation) kill(n *simnet.Node, forgets bool, wait func()) {
	s.note("node %d is killed", n.Index)
	n.Kill()
	wait()
	if forgets {
		n.Restart()
		s.meet(faultForgot)
	}
	s.note("node %d is back, empty: %v", n.Index, forgets)
	n.ComeBack()
}

// settle checks what must be true in the end: everything that was taken came back,
// nothing is left on a node, and the lock can be had at once.
func (s *simulation) settle() {
	if s.calm {
		s.leavesNothing()
	} else {
		time.Sleep(4*s.longest() + 2*s.bound) // what was late is there by then, and has ended
	}
	if w := s.watch; w.leasesBegun != w.returned {
		w.complain("%d leases were taken and %d came back", w.leasesBegun, w.returned)
	}
	s.net.Quiet.Store(true)
	c := s.object(s.engine(9), "value of the last")
	c.random = s.random
	err := c.takeAll()
	for tries := 0; tries < 3 && (errors.Is(err, outbox.ErrSilent) || errors.Is(err, errUnsettled)); tries++ {
		time.Sleep(4 * s.bound)
		err = c.takeAll() // a first connection may take longer than a call, and serves the next one
	}
	if err != nil {
		s.watch.complain("nothing is held, and yet: %v", err)
	}
	time.Sleep(simPatient) // what still runs then fails the test
}

// takeAll takes the whole lock once, without waiting, and gives it back.
func (c *simClient) takeAll() error {
	switch {
	case c.slots != nil:
		p, err := c.slots.TryAcquire(background, c.sim.limit)
		if err == nil {
			_, err = p.Release(background)
		}
		return err
	case c.rw != nil:
		c.lock = c.rw.Writer
	}
	err := c.lock.TryLock(background)
	if err == nil {
		_, err = c.lock.Unlock(background)
	}
	return err
}

// leavesNothing checks, after a calm schedule, that every key went without its
// expiry: pending releases are sent, though the nodes are asked for nothing else. A far node
// that was silent gets what has waited for it one by one: what has come there just now is
// given half of its lifetime.
func (s *simulation) leavesNothing() {
	s.net.Quiet.Store(true)
	time.Sleep(8 * s.bound)
	for s.watch.sinceAcquire() < s.expiry/2 {
		time.Sleep(s.bound)
	}
	for _, n := range s.nodes {
		f := n.Node
		f.Mu.Lock()
		left := len(f.Permits)
		for name := range f.Keys {
			if _, there := f.Live(name); there {
				left++
			}
		}
		if l := f.RWs[rwName]; l != nil {
			l.Reap()
			left += len(l.Readers)
			if l.IsWritten() {
				left++
			}
		}
		f.Mu.Unlock()
		if left > 0 {
			s.note("node %d still has %d tokens", n.Index, left)
			s.watch.complain("node %d still has %d unwanted tokens", n.Index, left)
		}
	}
}

// report fails the test with all that it takes to see the same again.
func (s *simulation) report(t *testing.T) bool {
	if s.watch.wrong == "" {
		return false
	}
	t.Errorf("%s over %d nodes: %s\n%s\nThe same again: go test ./internal/redlock -run 'TestSimulation$' -sim.seed=%d",
		simKinds[s.kind], len(s.nodes), s.watch.wrong, s.watch.story(), s.seed)
	return true
}

func TestSimulation(t *testing.T) {
	if *simSeed >= 0 {
		s := simulate(t, *simSeed, new(simCounts), simWrong{})
		t.Logf("%s over %d nodes, what was met: %v\n%s", simKinds[s.kind], len(s.nodes), s.counts, s.watch.story())
		s.report(t)
		return
	}
	var counts simCounts
	var leases, extended, renewed, numbered, events atomic.Int64
	step := runtime.GOMAXPROCS(0) * *every
	t.Run("schedules", func(t *testing.T) {
		for shard := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(shard), func(t *testing.T) {
				t.Parallel()
				for seed := *simFirst + shard**every; seed < *simFirst+*simSchedules; seed += step {
					s := simulate(t, seed, &counts, simWrong{})
					if s.report(t) {
						return
					}
					leases.Add(int64(s.watch.leasesBegun))
					extended.Add(int64(s.watch.extended))
					renewed.Add(int64(s.watch.renewed))
					numbered.Add(int64(s.watch.numbers))
					events.Add(int64(len(s.watch.trace)))
				}
			})
		}
	})
	schedules := (*simSchedules + *every - 1) / *every
	t.Logf("%d schedules, %d leases, %d extensions, %d renewed, %d numbered, %d events; met: %v",
		schedules, leases.Load(), extended.Load(), renewed.Load(), numbered.Load(), events.Load(), &counts)
	if !t.Failed() && schedules >= 360 {
		require.Positive(t, renewed.Load())
		require.Positive(t, numbered.Load())
		for f := range simFaults {
			require.Positive(t, counts[f].Load(), "%s was never met", faultName(f))
		}
	}
}

// Where nodes forget what they must keep, there may be two holders; but one that is denied
// by so many nodes that a majority cannot have its lease learns of the loss at once.
func TestSimulatedLossesAreReported(t *testing.T) {
	denied := 0
	for seed := range seedsBelow(360) {
		if simKinds[int(seed)%len(simKinds)] == "rwmutex" {
			continue // takes longest, and says no more
		}
		w := simulate(t, int(seed), new(simCounts), simWrong{forgets: true}).watch
		require.Empty(t, w.unreported, "schedule %d", seed)
		denied += w.denied
	}
	if *every == 1 { // of a few schedules perhaps none has one
		require.Positive(t, denied)
	}
}

// The tests of the test. Each breaks one thing, and some schedule must see it.
func TestSimulationSeesWhatIsBroken(t *testing.T) {
	for name, c := range map[string]struct {
		kind  string
		wrong simWrong
	}{
		"release does not compare the token":       {"mutex", simWrong{net: simnet.Wrong{Script: anyonesRelease}}},
		"acquire replaces a stranger's token":      {"mutex", simWrong{net: simnet.Wrong{Script: greedyAcquire}}},
		"one node decides":                         {"mutex", simWrong{engine: func(e *Engine) { e.quorum.Decide(1) }}},
		"one node decides, readers":                {"rwmutex", simWrong{engine: func(e *Engine) { e.quorum.Decide(1) }}},
		"one node decides, permits":                {"semaphore", simWrong{engine: func(e *Engine) { e.quorum.Decide(1) }}},
		"half of the nodes decide":                 {"mutex", simWrong{engine: halfDecides}},
		"half of the nodes decide, readers":        {"rwmutex", simWrong{engine: halfDecides}},
		"half of the nodes decide, permits":        {"semaphore", simWrong{engine: halfDecides}},
		"nodes count permits":                      {"semaphore", simWrong{node: func(n *simnet.Node) { n.CountsPermits = true }}},
		"writers do not see readers":               {"rwmutex", simWrong{node: func(n *simnet.Node) { n.RW(rwName).WritersPassReaders = true }}},
		"a second run drops a permit":              {"semaphore", simWrong{node: func(n *simnet.Node) { n.DropsOwn = true }}},
		"a second run drops a read or write lease": {"rwmutex", simWrong{node: func(n *simnet.Node) { n.RW(rwName).DropsOwn = true }}},
		"clocks are faster than the drift allows":  {"mutex", simWrong{node: func(n *simnet.Node) { n.Rate = 0.5 }}},
		"no drift is allowed for":                  {"mutex", simWrong{config: func(c *Config) { c.DriftFactor = 0 }, node: func(n *simnet.Node) { n.Rate = 0.9 }}},
		"nodes come back empty at once":            {"mutex", simWrong{forgets: true}},
		"numbers are not written back":             {"mutex", simWrong{node: func(n *simnet.Node) { n.NoWriteBack = true }, numbers: true}},
		"a renewal revives what has ended":         {"mutex", simWrong{net: simnet.Wrong{Script: revivingExtend}, twice: 250}},
		"a value's releases are not known":         {"mutex", simWrong{strict: true, apart: true}},
		"no release is sent again":                 {"mutex", simWrong{net: simnet.Wrong{Once: true}}},
		"no release is sent again, readers":        {"rwmutex", simWrong{net: simnet.Wrong{Once: true}}},
		"validity begins with the answer":          {"mutex", simWrong{net: simnet.Wrong{Early: true}, again: 4}},
		"what was sent passes for not sent":        {"mutex", simWrong{net: simnet.Wrong{Unsent: true}, again: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := 0
			for i := range 1200 {
				seed := i*len(simKinds) + kindNumber(c.kind)
				if s := simulate(t, seed, new(simCounts), c.wrong); s.watch.wrong != "" {
					t.Logf("seen in schedule %d, the %d-th: %s", seed, i+1, s.watch.wrong)
					require.Regexp(t, "although|permits|unwanted", s.watch.wrong)
					if seen++; seen > c.wrong.again {
						return
					}
				}
			}
			t.Error("no schedule saw it")
		})
	}
}

// halfDecides is wrong over an even number of nodes only.
func halfDecides(e *Engine) { e.quorum.Decide((len(e.nodes) + 1) / 2) }

func kindNumber(kind string) int {
	for i, k := range simKinds {
		if k == kind {
			return i
		}
	}
	panic(kind)
}

// as is the call with another first argument.
func as(call *driver.Call, token string) {
	args := append([]any{token}, call.Args()[1:]...)
	*call = driver.NewCall(call.Script(), call.Keys(), args...)
}

func anyonesRelease(f *fakenode.Node, call *driver.Call) {
	if key, there := f.Live("name"); there && call.Script() == scripts.Mutex().Release {
		as(call, key.Token)
	}
}

// revivingExtend writes the token where there is none.
func revivingExtend(_ *fakenode.Node, call *driver.Call) {
	if call.Script() == scripts.Mutex().Extend {
		*call = driver.NewCall(scripts.Mutex().ExtendOrSet, call.Keys(), call.Args()...)
	}
}

func greedyAcquire(f *fakenode.Node, call *driver.Call) {
	if key, there := f.Live("name"); there && call.Script() == scripts.Mutex().Acquire {
		*call = driver.NewCall(call.Script(), call.Keys(), append(call.Args(), any(key.Token))...)
	}
}
