package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// Handoffs says how many hand-offs are measured: Rounds × Turns for each pair of
// clients.
type Handoffs struct {
	Rounds      int
	Turns       int // in a round
	PolledTurns int // in a round, where waiters poll: those take long

	// HeldPolled is the longest time that a lock is held where waiters poll.
	HeldPolled time.Duration
}

// A lock is held for a random time before it is handed off. Where waiters poll,
// that should reach over more than one delay between two tries, so that the lock
// becomes free at any moment of a delay.
const (
	shortestHeld = 5 * time.Millisecond
	longestHeld  = 15 * time.Millisecond
)

const (
	// unmeasured is how many hand-offs come first in a round, so that the clients
	// are connected and subscribed.
	unmeasured = 2

	// askedEvery is for how many measured ones two more come last, in which requests are
	// counted. One in five of the mutex's waiters has to ask, so a few would not do.
	askedEvery = 10

	// stuckTaker is when a waiter is given up. None of them polls as seldom.
	stuckTaker = 5 * time.Second
)

var errStuck = errors.New("a waiter is stuck")

// handoffTrip is the round trip to the node that is not on loopback.
const handoffTrip = 4 * time.Millisecond

// Handoff measures the time from Unlock by one client to the return of Lock to
// another one that waits, on 1, 3 and 5 nodes, and on one that is far away.
func Handoff(scale Scale) (*report.Section, error) {
	section := handoffSection(scale.Handoffs)
	for _, trips := range [][]time.Duration{make([]time.Duration, 1), {handoffTrip}, make([]time.Duration, 3), make([]time.Duration, quorumNodes)} {
		if err := handoffAt(section, scale.Handoffs, trips); err != nil {
			return nil, err
		}
	}
	return section, nil
}

// handoffAt has a tournament on as many nodes as there are round trips.
func handoffAt(section *report.Section, plan Handoffs, trips []time.Duration) error {
	p, err := far(trips...)
	if err != nil {
		return err
	}
	defer p.end()
	t := newTournament(plan, p, trips[0])
	if err := t.run(); err != nil {
		return err
	}
	t.report(section)
	return nil
}

// tournament is all duels on the nodes of a place.
type tournament struct {
	plan  Handoffs
	n     int
	trip  time.Duration
	duels []*duel
}

// newTournament lists who passes a lock on. The floors on one node are always there,
// since all others are compared with them in the same round. Who polls waits for a
// delay, wherever the node is.
func newTournament(plan Handoffs, p *place, trip time.Duration) *tournament {
	t := &tournament{plan: plan, n: len(p.nodes), trip: trip}
	t.enter(p, 1, contestants.FloorDuelists())
	if t.n > 1 {
		t.enter(p, t.n, contestants.FloorDuelists())
	}
	t.enter(p, t.n, contestants.QuorumDuelists())
	if t.n == 1 {
		t.enter(p, 1, contestants.SingleDuelists())
	}
	return t
}

func (t *tournament) enter(p *place, n int, entrants []contestants.Duelist) {
	for _, d := range entrants {
		if !d.Polls || t.trip == 0 {
			t.duels = append(t.duels, &duel{Duelist: d, nodes: p.nodes[:n], addrs: p.addrs()[:n], held: t.held(d), passed: make(map[string][]passes)})
		}
	}
}

// held is for how long the lock is held: for longer if the node is far, as the waiter
// needs several trips to get in line.
func (t *tournament) held(d contestants.Duelist) span {
	if d.Polls {
		return span{shortestHeld, t.plan.HeldPolled}
	}
	return span{shortestHeld + 5*t.trip, longestHeld + 5*t.trip}
}

// where is the tournament's place, for headings and bars.
func (t *tournament) where() string {
	if t.trip > 0 {
		return nodeCount(t.n) + ", " + tripName(t.trip)
	}
	return nodeCount(t.n)
}

// span is a range of times.
type span struct{ shortest, longest time.Duration }

func (s span) random() time.Duration { return s.shortest + rand.N(s.longest-s.shortest) }

func (t *tournament) run() error {
	for range t.plan.Rounds {
		for _, i := range rand.Perm(len(t.duels)) {
			if err := t.duels[i].round(t.plan); err != nil {
				return fmt.Errorf("%s on %s: %w", t.duels[i].Name(), t.where(), err)
			}
		}
	}
	return nil
}

// duel is two clients with one lock.
type duel struct {
	contestants.Duelist
	nodes  []*nodes.Node
	addrs  []string // the way to them
	held   span
	passed map[string][]passes // by what is got, one a round
	stuck  int                 // rounds that ended early
}

// passes are the hand-offs of a round, none if a waiter was stuck in it.
type passes struct {
	took     []float64 // nanoseconds
	requests float64   // of all nodes, for each hand-off, both ways together
	between  []float64 // of all nodes, from Unlock to the return of Lock, in hand-offs whose time is not taken
}

// round opens both clients anew and passes the lock to and fro.
func (d *duel) round(plan Handoffs) (err error) {
	clients, err := d.Connect(d.addrs, "bench:handoff")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clients.Close(), healthy.end(d.nodes, 0)) }()
	meter, err := nodes.NewMeter(d.nodes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, meter.Close()) }()
	turns := plan.Turns
	if d.Polls {
		turns = plan.PolledTurns
	}
	err = d.play(clients, meter, turns)
	return d.forgive(err, clients.Sides[0].Gets, clients.Sides[1].Gets)
}

// forgive lets the run go on after a stuck waiter, which counts as a round without a
// hand-off. For Holdfast it is a missed bar.
func (d *duel) forgive(err error, gets ...string) error {
	if !errors.Is(err, errStuck) {
		return err
	}
	d.stuck++
	for _, gets := range slices.Compact(gets) {
		d.passed[gets] = append(d.passed[gets], passes{})
	}
	return nil
}

// play measures a number of hand-offs, after some that it does not measure. In a few
// more it counts the requests meanwhile: asking the node just before Unlock would wake it,
// and make the hand-off faster.
func (d *duel) play(clients *contestants.Duel, meter *nodes.Meter, turns int) error {
	if err := clients.Sides[1].Take(context.Background()); err != nil {
		return err
	}
	if _, err := d.passOn(clients, unmeasured, uncounted); err != nil {
		return err
	}
	before, err := meter.Count()
	if err != nil {
		return err
	}
	timed, err := d.passOn(clients, turns, uncounted)
	if err != nil {
		return err
	}
	after, err := meter.Count()
	if err != nil {
		return err
	}
	asked, err := d.passOn(clients, max(2, turns/askedEvery*2), meter.Count)
	if err != nil {
		return err
	}
	for gets, passed := range timed {
		passed.requests = float64(after-before) / float64(turns)
		passed.between = asked[gets].between
		d.passed[gets] = append(d.passed[gets], passed)
	}
	return clients.Sides[1].Give()
}

func uncounted() (int64, error) { return 0, nil }

// passOn passes the lock from side 1 to side 0 and so on, an even number of
// times, and returns the hand-offs by what was got.
func (d *duel) passOn(clients *contestants.Duel, turns int, count contend.Counter) (map[string]passes, error) {
	all := make(map[string]passes)
	for i := range turns {
		taker, giver := clients.Sides[i%2], clients.Sides[1-i%2]
		took, requests, err := pass(giver, taker, d.held.random(), count)
		if err != nil {
			return nil, err
		}
		passed := all[taker.Gets]
		passed.took = append(passed.took, float64(took))
		passed.between = append(passed.between, float64(requests))
		all[taker.Gets] = passed
	}
	return all, nil
}

// pass lets taker wait for the lock that giver has, and giver unlock after a
// while. Requests are counted from then until both have returned.
func pass(giver, taker *contestants.Side, held time.Duration, count contend.Counter) (took time.Duration, requests int64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), stuckTaker)
	defer cancel()
	asking, got := make(chan struct{}), make(chan time.Time, 1)
	var errTake error
	go func() {
		close(asking)
		errTake = taker.Take(ctx)
		got <- time.Now()
	}()
	<-asking
	time.Sleep(held)
	before, errBefore := count()
	start := time.Now()
	errGive := giver.Give()
	took = (<-got).Sub(start)
	after, errAfter := count()
	switch {
	case errTake != nil && ctx.Err() != nil:
		return 0, 0, errors.Join(errStuck, errTake, errGive)
	case took < 0 && errTake == nil:
		return 0, 0, errors.New("the lock was taken before it was given")
	}
	return took, after - before, errors.Join(errTake, errGive, errBefore, errAfter)
}
