package main

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// step is what a leader says whenever it has done some work.
type step struct {
	First bool // of this reign
	At    time.Time
}

func (s step) String() string { return fmt.Sprintf("%t %d", s.First, s.At.UnixNano()) }

// parseStep reads what String has written.
func parseStep(line string) (s step, err error) {
	var at int64
	if _, err := fmt.Sscanf(line, "%t %d", &s.First, &at); err != nil {
		return s, fmt.Errorf("%q is no step: %w", line, err)
	}
	s.At = time.Unix(0, at)
	return s, nil
}

// reign is the time in which one replica led: from its first step to its last one, by
// the clock of the machine that all of them run on.
type reign struct {
	replica     int
	from, until time.Time
	steps       int
}

// history is all reigns. It is safe for concurrent use.
type history struct {
	mu     sync.Mutex
	reigns []*reign
	last   map[int]*reign // of each replica
}

func newHistory() *history { return &history{last: make(map[int]*reign)} }

// add notes a replica's step, and returns its reign so far.
func (h *history) add(replica int, s step) reign {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := h.last[replica]
	if r == nil || s.First {
		r = &reign{replica: replica, from: s.At}
		h.last[replica] = r
		h.reigns = append(h.reigns, r)
	}
	r.until = s.At
	r.steps++
	return *r
}

// check returns an error if two replicas led at the same time.
func (h *history) check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.SortFunc(h.reigns, func(a, b *reign) int { return a.from.Compare(b.from) })
	for i := 1; i < len(h.reigns); i++ {
		before, after := h.reigns[i-1], h.reigns[i]
		if !after.from.After(before.until) {
			return fmt.Errorf("replica %d began to lead %v before replica %d had ended",
				after.replica, before.until.Sub(after.from), before.replica)
		}
	}
	return nil
}
