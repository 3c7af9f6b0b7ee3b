package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
)

// staff are the worker processes. Only the goroutine of the demonstration hires.
type staff struct {
	*demo
	ctx     context.Context // ends when something went wrong, with its cause
	fail    context.CancelCauseFunc
	members []*employee
}

// employee is one worker process.
type employee struct {
	*crew.Member
	leaves atomic.Bool // was killed or let go: its end is no failure
	gone   chan struct{}
}

// hireAll starts a worker for each id, and waits until each has one.
func (s *staff) hireAll() error {
	for range s.ids {
		if _, err := s.hire(); err != nil {
			return err
		}
	}
	for worker := 1; worker <= s.ids; worker++ {
		c, err := s.wait(worker, time.Time{})
		if err != nil {
			return err
		}
		s.Printf("Worker %d has id %d.", worker, c.ID)
	}
	return nil
}

// hire starts one more worker and returns its number.
func (s *staff) hire() (worker int, err error) {
	worker = len(s.members) + 1
	m, err := crew.Start(s.ctx, worker, job{
		Redis: s.Nodes.Addrs, Semaphore: s.semaphoreName(worker), Limit: s.ids, Expiry: s.expiry,
	}, s.Stderr)
	if err != nil {
		return 0, err
	}
	e := &employee{Member: m, gone: make(chan struct{})}
	s.members = append(s.members, e)
	s.readers.Go(func() { s.read(e) })
	return worker, nil
}

// read enters into the ledger what the worker says, until it ends.
func (s *staff) read(e *employee) {
	defer close(e.gone)
	for {
		line, err := e.ReadLine()
		if err != nil {
			break
		}
		var c claim
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			s.fail(fmt.Errorf("worker %d says %q: %w", e.Number, line, err))
		} else if err := s.ledger.add(e.Number, c); err != nil {
			s.fail(err)
		}
	}
	if err := e.End(); !e.leaves.Load() {
		s.fail(fmt.Errorf("worker %d ended by itself: %w", e.Number, err))
	}
}

// wait waits until the worker has an id until after a moment.
func (s *staff) wait(worker int, after time.Time) (claim, error) {
	for {
		if c, ok := s.ledger.of(worker); ok && c.Until.After(after) {
			return c, nil
		}
		select {
		case <-s.ledger.changed:
		case <-s.ctx.Done():
			return claim{}, context.Cause(s.ctx)
		}
	}
}

// replace kills a worker, and waits until the other one has its id and everybody
// who lives has extended theirs.
func (s *staff) replace(worker, by int) error {
	dead := s.members[worker-1]
	old, _ := s.ledger.of(worker)
	dead.leaves.Store(true)
	if err := dead.Kill(); err != nil {
		return err
	}
	<-dead.gone
	killed := time.Now()
	s.Printf("Worker %d is killed. It cannot give id %d back.", worker, old.ID)
	heir, err := s.wait(by, time.Time{})
	if err != nil {
		return err
	}
	s.Printf("Worker %d has id %d, %v after that.", by, heir.ID, heir.From.Sub(killed).Round(10*time.Millisecond))
	if heir.ID != old.ID {
		return fmt.Errorf("worker %d has id %d, but only %d was free", by, heir.ID, old.ID)
	}
	return s.seeExtended(worker, heir.Until)
}

// seeExtended waits until all workers but the dead one have extended their ids
// to after a moment.
func (s *staff) seeExtended(dead int, after time.Time) error {
	for _, e := range s.members {
		if e.Number == dead {
			continue
		}
		c, err := s.wait(e.Number, after)
		if err != nil {
			return err
		}
		s.Printf("Worker %d still has id %d.", e.Number, c.ID)
	}
	return nil
}

// letGo asks all workers to end.
func (s *staff) letGo() {
	for _, e := range s.members {
		e.leaves.Store(true)
		e.LetGo()
	}
}
