package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// What is on the account, and what the two take.
const (
	atFirst     = 100
	firstTakes  = 30
	secondTakes = 50
	right       = atFirst - firstTakes - secondTakes
)

// demo is one run of the whole demonstration.
type demo struct {
	*stage.Stage

	lock   string
	expiry time.Duration
	checks bool // whether the account looks at tokens in the end; not in a test that breaks it
}

// newDemo returns the demonstration with its usual size.
func newDemo(s *stage.Stage) *demo {
	s.TimeLines(2)
	return &demo{
		Stage:  s,
		lock:   stage.LockName("fencing"),
		expiry: 2 * time.Second, checks: true,
	}
}

// Run plays the story twice.
func (d *demo) Run(ctx context.Context) error {
	if err := d.check(ctx); err != nil {
		return err
	}
	d.Printf("Redis: %s", d.Nodes)
	d.Printf("The account has %d. The first process takes %d, the second %d: %d should be left.",
		atFirst, firstTakes, secondTakes, right)
	fmt.Fprintln(d.Out)
	d.Printf("An account that takes every write:")
	without, err := d.story(ctx, &account{balance: atFirst})
	if err != nil {
		return err
	}
	d.Printf("It has %d, and should have %d.", without, right)
	fmt.Fprintln(d.Out)
	d.Printf("An account that refuses tokens smaller than one that it has seen:")
	with, err := d.story(ctx, &account{balance: atFirst, checks: d.checks})
	if err != nil {
		return err
	}
	if with != right {
		return fmt.Errorf("the account has %d, and should have %d", with, right)
	}
	d.Printf("It has %d, and should have %d. Nothing was lost.", with, right)
	return nil
}

// check takes and gives back the lock once.
func (d *demo) check(ctx context.Context) error {
	clients, closeAll := stage.Connect(d.Nodes.Addrs)
	defer closeAll()
	m := newLock(d.lock+":check", clients, patient(d.expiry)...)
	return d.CheckLock(ctx, m.LockContext, m.UnlockContext)
}

// story has both take from the account, the second while the first is paused. It
// returns the balance in the end.
func (d *demo) story(ctx context.Context, a *account) (balance int, err error) {
	err = d.employ(ctx, a, 1, firstTakes, func() error {
		return d.employ(ctx, a, 2, secondTakes, nil)
	})
	return a.balance, err
}

// employ starts a worker and serves it to its end. It is paused, if pause is not
// nil, for as long as that takes.
func (d *demo) employ(ctx context.Context, a *account, number, takes int, pause func() error) error {
	m, err := crew.Start(ctx, number, job{
		Redis: d.Nodes.Addrs, Lock: d.lock, Expiry: d.expiry, Takes: takes, Paused: pause != nil,
	}, d.Stderr)
	if err != nil {
		return err
	}
	err = d.serve(m, a, pause)
	if err != nil {
		_ = m.Kill()
	}
	if ended := m.End(); err == nil || err == io.EOF {
		return ended
	}
	return err
}

// serve answers what a worker says, until it is done.
func (d *demo) serve(m *crew.Member, a *account, pause func() error) error {
	for {
		line, err := m.ReadLine()
		if err != nil || line == sayDone {
			return err
		}
		answer, err := d.answer(m, a, line, pause)
		if err == nil && answer != "" {
			err = m.Say(answer)
		}
		if err != nil {
			return err
		}
	}
}

// answer acts on one line of a worker.
func (d *demo) answer(m *crew.Member, a *account, line string, pause func() error) (string, error) {
	var fence int64
	var balance int
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "locked":
		d.Printf("  Process %d has the lock, with fencing token %s.", m.Number, rest)
		return "", nil
	case "read":
		return fmt.Sprint(a.balance), nil
	case "paused":
		d.Printf("  Process %d has read %d, still has the lock (%s), and is paused.", m.Number, a.balance, rest)
		err := pause()
		d.Printf("  Process %d goes on, as if nothing had been.", m.Number)
		return answerGoOn, err
	case "write":
		if _, err := fmt.Sscanf(line, sayWrite, &balance, &fence); err != nil {
			return "", fmt.Errorf("worker %d said %q: %w", m.Number, line, err)
		}
		if err := a.write(balance, fence); err != nil {
			d.Printf("  Process %d writes %d: REFUSED, %v.", m.Number, balance, err)
			return err.Error(), nil
		}
		d.Printf("  Process %d writes %d: stored.", m.Number, balance)
		return answerStored, nil
	case "unlocked":
		if rest != "true" {
			d.Printf("  Process %d unlocks, and learns that its hold had ended.", m.Number)
		}
		return "", nil
	}
	return "", fmt.Errorf("worker %d said %q", m.Number, line)
}
