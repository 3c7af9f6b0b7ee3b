package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

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

	// stuckTaker is when a waiter is given up. None of them polls as seldom.
	stuckTaker = 5 * time.Second
)

var errStuck = errors.New("a waiter is stuck")

// Handoff measures the time from Unlock by one client to the return of Lock to
// another one that waits, on 1, 3 and 5 nodes.
func Handoff(scale Scale) (*report.Section, error) {
	started, err := nodes.Start(quorumNodes)
	if err != nil {
		return nil, err
	}
	defer nodes.StopAll(started)

	section := handoffSection(scale.Handoffs)
	for _, n := range []int{1, 3, quorumNodes} {
		t := &tournament{plan: scale.Handoffs, n: n, duels: duels(n, started)}
		if err := t.run(); err != nil {
			return nil, err
		}
		t.report(section)
	}
	return section, nil
}

// tournament is all duels on n nodes.
type tournament struct {
	plan  Handoffs
	n     int
	duels []*duel
}

// duels lists who passes a lock on with n nodes. The floors on one node are
// always there, since all others are compared with them in the same round.
func duels(n int, all []*nodes.Node) (list []*duel) {
	enter := func(n int, entrants []contestants.Duelist) {
		for _, d := range entrants {
			list = append(list, &duel{Duelist: d, nodes: all[:n], passed: make(map[string][]passes)})
		}
	}
	enter(1, contestants.FloorDuelists())
	if n > 1 {
		enter(n, contestants.FloorDuelists())
	}
	enter(n, contestants.QuorumDuelists())
	if n == 1 {
		enter(1, contestants.SingleDuelists())
	}
	return list
}

func (t *tournament) run() error {
	for range t.plan.Rounds {
		for _, i := range rand.Perm(len(t.duels)) {
			if err := t.duels[i].round(t.plan); err != nil {
				return fmt.Errorf("%s on %s: %w", t.duels[i].Name(), nodeCount(t.n), err)
			}
		}
	}
	return nil
}

// duel is two clients with one lock.
type duel struct {
	contestants.Duelist
	nodes  []*nodes.Node
	passed map[string][]passes // by what is got, one a round
	stuck  int                 // rounds that ended early
}

// passes are the hand-offs of a round, none if a waiter was stuck in it.
type passes struct {
	took     []float64 // nanoseconds
	requests float64   // of all nodes, for each hand-off, both ways together
}

// round opens both clients anew and passes the lock to and fro.
func (d *duel) round(plan Handoffs) (err error) {
	clients, err := d.Connect(nodes.Addrs(d.nodes), "bench:handoff")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, clients.Close(), healthy.end(d.nodes, 0)) }()
	meter, err := nodes.NewMeter(d.nodes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, meter.Close()) }()
	if d.Polls {
		err = d.play(clients, meter, plan.PolledTurns, plan.HeldPolled)
	} else {
		err = d.play(clients, meter, plan.Turns, longestHeld)
	}
	return d.forgive(err)
}

// forgive lets others have a stuck waiter, and Holdfast not. It then counts as a
// round without a hand-off.
func (d *duel) forgive(err error) error {
	if d.Library == contestants.Holdfast || !errors.Is(err, errStuck) {
		return err
	}
	d.stuck++
	d.passed[""] = append(d.passed[""], passes{})
	return nil
}

// play measures a number of hand-offs, after some that it does not measure.
func (d *duel) play(clients *contestants.Duel, meter *nodes.Meter, turns int, longest time.Duration) error {
	if err := clients.Sides[1].Take(context.Background()); err != nil {
		return err
	}
	if _, err := passOn(clients, unmeasured, longest); err != nil {
		return err
	}
	before, err := meter.Count()
	if err != nil {
		return err
	}
	took, err := passOn(clients, turns, longest)
	if err != nil {
		return err
	}
	after, err := meter.Count()
	for gets, times := range took {
		d.passed[gets] = append(d.passed[gets], passes{times, float64(after-before) / float64(turns)})
	}
	return errors.Join(err, clients.Sides[1].Give())
}

// passOn passes the lock from side 1 to side 0 and so on, an even number of
// times, and returns how long it took, by what was got.
func passOn(clients *contestants.Duel, turns int, longest time.Duration) (map[string][]float64, error) {
	took := make(map[string][]float64)
	for i := range turns {
		taker, giver := clients.Sides[i%2], clients.Sides[1-i%2]
		t, err := pass(giver, taker, shortestHeld+rand.N(longest-shortestHeld))
		if err != nil {
			return nil, err
		}
		took[taker.Gets] = append(took[taker.Gets], float64(t))
	}
	return took, nil
}

// pass lets taker wait for the lock that giver has, and giver unlock after a
// while.
func pass(giver, taker *contestants.Side, held time.Duration) (time.Duration, error) {
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
	start := time.Now()
	errGive := giver.Give()
	took := (<-got).Sub(start)
	if errTake != nil && ctx.Err() != nil {
		return 0, errors.Join(errStuck, errTake, errGive)
	}
	if took < 0 && errTake == nil {
		return 0, errors.New("the lock was taken before it was given")
	}
	return took, errors.Join(errTake, errGive)
}
