package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// demo is one run of the demonstration.
type demo struct {
	redis       []string
	out, stderr io.Writer
	tick        time.Duration
	expiry      time.Duration
	name        func(replica int) string // the same for both, but in a test

	history  *history
	events   chan event
	replicas map[int]*process
}

// enough is how many reports, and cleanups, the story waits for.
const enough = 3

func newDemo(redis []string, out, stderr io.Writer) *demo {
	name := "example:scheduler:" + rand.Text() // no other program's, on servers of the user's
	d := &demo{
		redis: redis, out: out, stderr: stderr,
		tick: time.Second, expiry: 2 * time.Second,
		name:   func(int) string { return name },
		events: make(chan event), replicas: make(map[int]*process),
	}
	d.history = newHistory(d.tick)
	return d
}

// run plays the story, and ends all replicas.
func (d *demo) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	d.printf("Redis: %s", strings.Join(d.redis, ", "))
	if err := reach(ctx, d.redis, d.name(0)); err != nil {
		return fmt.Errorf("the Redis servers %s: %w", strings.Join(d.redis, ", "), err)
	}
	err := d.story(ctx)
	if err != nil {
		stop() // kills the replicas
	}
	if endErr := d.end(); err == nil {
		err = endErr
	}
	if err == nil {
		d.printf("No tick was reported twice, and no two replicas led at the same time.")
	}
	return err
}

// story is what both replicas go through.
func (d *demo) story(ctx context.Context) error {
	d.printf("Two replicas have a report each %v, and a cleanup each %v. Leases last %v.", d.tick, d.tick/4, d.expiry)
	for number := 1; number <= 2; number++ {
		if err := d.start(ctx, number); err != nil {
			return err
		}
	}
	if err := d.wait(ctx, "a leader and reports", func(h *history) bool {
		return h.reportsOf(0) >= enough && h.runs >= enough
	}); err != nil {
		return err
	}
	leader := d.history.leader()
	d.printf("Replica %d leads: the other has run no cleanup. Replica 1 has run %d reports, replica 2 has run %d.",
		leader, d.history.reportsOf(1), d.history.reportsOf(2))
	return d.replace(ctx, leader)
}

// replace kills the leader and waits for the other one to do all its work.
func (d *demo) replace(ctx context.Context, leader int) error {
	d.printf("Replica %d is killed. It cannot give its leases back.", leader)
	if err := d.replicas[leader].kill(); err != nil {
		return err
	}
	_ = d.replicas[leader].end() // killed
	delete(d.replicas, leader)
	other, killed := 3-leader, time.Now()
	if err := d.wait(ctx, "another leader", func(h *history) bool { return h.leader() == other }); err != nil {
		return err
	}
	d.printf("Replica %d leads, %.1fs later.", other, time.Since(killed).Seconds())
	reports := d.history.reportsOf(other)
	if err := d.wait(ctx, "more of its work", func(h *history) bool {
		return h.reportsOf(other) >= reports+enough && h.runs >= enough
	}); err != nil {
		return err
	}
	d.printf("Replica %d has run %d reports since.", other, d.history.reportsOf(other)-reports)
	return nil
}

// start starts a replica.
func (d *demo) start(ctx context.Context, number int) error {
	s := settings{Redis: d.redis, Name: d.name(number), Tick: d.tick, Expiry: d.expiry}
	p, err := start(ctx, s, d.stderr, func(line string) {
		if e, err := parseEvent(line, number); err == nil { // a kill cuts a line off
			select {
			case d.events <- e:
			case <-ctx.Done():
			}
		}
	})
	if err == nil {
		d.replicas[number] = p
	}
	return err
}

// wait notes what the replicas run until it is enough.
func (d *demo) wait(ctx context.Context, what string, isEnough func(*history) bool) error {
	for !isEnough(d.history) {
		select {
		case e := <-d.events:
			if err := d.history.add(e); err != nil {
				return err
			}
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
	return nil
}

// end ends the replicas that are left. What they still say is dropped.
func (d *demo) end() error {
	ended := make(chan error)
	go func() {
		var errs []error
		for number, p := range d.replicas {
			if err := p.end(); err != nil {
				errs = append(errs, fmt.Errorf("replica %d: %w", number, err))
			}
		}
		ended <- errors.Join(errs...)
	}()
	for {
		select {
		case <-d.events:
		case err := <-ended:
			return err
		}
	}
}

func (d *demo) printf(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }
