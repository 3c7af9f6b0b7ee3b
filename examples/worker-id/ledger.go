package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// claim is the time in which a worker has an id. Workers on one machine have one
// clock, so that their claims can be compared, in whatever order they arrive.
type claim struct {
	ID          int
	From, Until time.Time
}

// String is the claim as a worker says it.
func (c claim) String() string {
	text, _ := json.Marshal(c) // numbers and times cannot fail
	return string(text)
}

// ledger has the latest claim of each worker.
type ledger struct {
	changed chan struct{} // gets one when a claim was added, if there is room

	mu     sync.Mutex
	claims map[int]claim // by worker
}

func newLedger() *ledger {
	return &ledger{changed: make(chan struct{}, 1), claims: make(map[int]claim)}
}

// add puts a claim in place of the worker's earlier one. It is an error when
// another worker has the same id at the same time.
func (l *ledger) add(worker int, c claim) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.claims[worker] = c
	select {
	case l.changed <- struct{}{}:
	default:
	}
	for other, o := range l.claims {
		if other != worker && o.ID == c.ID && c.From.Before(o.Until) && o.From.Before(c.Until) {
			return fmt.Errorf("workers %d and %d have id %d at the same time", worker, other, c.ID)
		}
	}
	return nil
}

// of returns the worker's claim, and whether it has made one.
func (l *ledger) of(worker int) (claim, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.claims[worker]
	return c, ok
}
