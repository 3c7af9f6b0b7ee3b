package main

import (
	"fmt"
	"slices"
	"time"
)

// history is what the replicas have run, and finds what must not be.
type history struct {
	tick    time.Duration
	ticks   map[int64]int // which replica has run a tick's report in time
	leaders []int         // in the order in which they began to run the cleanup
	runs    int           // cleanups of the last of them
}

func newHistory(tick time.Duration) *history {
	return &history{tick: tick, ticks: make(map[int64]int)}
}

// add notes a run. It returns an error if a tick is run twice, or two lead.
func (h *history) add(e event) error {
	if e.Job == cleanupJob {
		return h.addCleanup(e.replica)
	}
	start := e.At.Truncate(h.tick)
	if e.At.Sub(start) >= h.tick/5 {
		return nil // too late to know of which tick it is: the splay is the other four fifths
	}
	tick := start.UnixNano() / int64(h.tick)
	if other, twice := h.ticks[tick]; twice {
		return fmt.Errorf("replica %d has run the report that replica %d had run", e.replica, other)
	}
	h.ticks[tick] = e.replica
	return nil
}

// addCleanup notes a run of the leader's. One that was replaced does not come back here,
// unless both lead.
func (h *history) addCleanup(replica int) error {
	if replica == h.leader() {
		h.runs++
		return nil
	}
	if slices.Contains(h.leaders, replica) {
		return fmt.Errorf("replicas %d and %d lead at the same time", h.leader(), replica)
	}
	h.leaders, h.runs = append(h.leaders, replica), 1
	return nil
}

// leader is the replica that leads, or 0.
func (h *history) leader() int {
	if len(h.leaders) == 0 {
		return 0
	}
	return h.leaders[len(h.leaders)-1]
}

// reportsOf is the number of reports that were run in time, by a replica or, for 0, all.
func (h *history) reportsOf(replica int) (n int) {
	for _, by := range h.ticks {
		if replica == 0 || by == replica {
			n++
		}
	}
	return n
}
