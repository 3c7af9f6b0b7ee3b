package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
	"github.com/holdfast-go/holdfast/mutex"
)

// demo is one run of the demonstration.
type demo struct {
	*stage.Stage
	replicas int
	expiry   time.Duration
	patience time.Duration            // for a leader
	lockName func(replica int) string // the same for all, but in a test

	history *history
	crowned chan reign // each reign, once it has made some steps
	crew    map[int]*crew.Member
	readers sync.WaitGroup // one for each replica
}

// someSteps is how many steps a leader makes before the story goes on.
const someSteps = 20

func newDemo(s *stage.Stage) *demo {
	name := "example:leader:" + rand.Text() // nobody else's, on servers of the user's
	s.TimeLines(3)
	return &demo{
		Stage:    s,
		replicas: 4, expiry: 2 * time.Second, patience: time.Minute,
		lockName: func(int) string { return name },
		history:  newHistory(), crowned: make(chan reign, 100), crew: make(map[int]*crew.Member),
	}
}

// Run plays the story, ends all replicas, and checks who led when.
func (d *demo) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	err := d.story(ctx)
	if err == nil {
		d.letGo()
	}
	stop() // kills what is left
	d.readers.Wait()
	for _, m := range d.crew {
		_ = m.End()
	}
	if err = errors.Join(err, d.history.check()); err != nil {
		return err
	}
	d.Printf("No two replicas led at the same time.")
	return nil
}

// story goes up to the last leader.
func (d *demo) story(ctx context.Context) error {
	d.Printf("Redis: %s", d.Nodes)
	if err := d.reach(ctx); err != nil {
		return err
	}
	d.Printf("%d replicas start. A leader's hold lasts %v unless it is renewed.", d.replicas, d.expiry)
	for i := range d.replicas {
		if err := d.start(ctx, i+1); err != nil {
			return err
		}
	}
	leader, err := d.next(ctx)
	if err != nil {
		return err
	}
	d.Printf("Replica %d leads.", leader.replica)
	for range 2 {
		if leader, err = d.replace(ctx, leader); err != nil {
			return err
		}
	}
	return d.standDown(ctx, leader)
}

// reach reports why the nodes cannot be used: the replicas would wait for them.
func (d *demo) reach(ctx context.Context) error {
	locks, stop := newLocks(d.Nodes.Addrs)
	defer stop()
	probe := locks.NewMutex(d.lockName(0)+":probe", mutex.WithTries(5))
	if err := probe.LockContext(ctx); err != nil {
		return fmt.Errorf("the Redis servers %s: %w", d.Nodes, err)
	}
	_, err := probe.Unlock()
	return err
}

// start starts a replica and reads what it says.
func (d *demo) start(ctx context.Context, number int) error {
	m, err := crew.Start(ctx, number, job{Redis: d.Nodes.Addrs, Lock: d.lockName(number), Expiry: d.expiry}, d.Stderr)
	if err != nil {
		return err
	}
	d.crew[number] = m
	d.readers.Go(func() { d.read(m) })
	return nil
}

// read notes a replica's steps until it ends.
func (d *demo) read(m *crew.Member) {
	for {
		line, err := m.ReadLine()
		if err != nil {
			return
		}
		s, err := parseStep(line)
		if err != nil {
			continue // cut off by a kill
		}
		if r := d.history.add(m.Number, s); r.steps == someSteps {
			d.crowned <- r
		}
	}
}

// next waits for a replica that leads.
func (d *demo) next(ctx context.Context) (reign, error) {
	select {
	case r := <-d.crowned:
		return r, nil
	case <-time.After(d.patience):
		return reign{}, fmt.Errorf("nobody leads after %v", d.patience)
	case <-ctx.Done():
		return reign{}, fmt.Errorf("nobody leads: %w", ctx.Err())
	}
}

// replace kills the leader and waits for the next one.
func (d *demo) replace(ctx context.Context, leader reign) (reign, error) {
	d.Printf("Replica %d is killed. It cannot give the mutex back.", leader.replica)
	killed := time.Now()
	if err := d.crew[leader.replica].Kill(); err != nil {
		return reign{}, err
	}
	next, err := d.next(ctx)
	if err != nil {
		return reign{}, err
	}
	took := next.from.Sub(killed)
	d.Printf("Replica %d leads, %s after the kill; the expiry is %v.", next.replica, seconds(took), d.expiry)
	return next, nil
}

// standDown lets the leader go, which gives the mutex back.
func (d *demo) standDown(ctx context.Context, leader reign) error {
	d.Printf("Replica %d is asked to end. It stops its work and gives the mutex back.", leader.replica)
	asked := time.Now()
	d.crew[leader.replica].LetGo()
	next, err := d.next(ctx)
	if err != nil {
		return err
	}
	d.Printf("Replica %d leads, %s later.", next.replica, seconds(next.from.Sub(asked)))
	return nil
}

// letGo ends the replicas that are left.
func (d *demo) letGo() {
	for _, m := range d.crew {
		m.LetGo()
	}
	d.readers.Wait()
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3fs", d.Seconds()) }
