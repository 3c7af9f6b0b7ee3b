package redlock

import (
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/renewer"
)

// lease is a token on the nodes, with its validity, its numbers, its renewal and its loss. It
// is what a won try leaves to its owner; of a failed one the footprint is all.
type lease struct {
	footprint
	slots string // of a permit, as "3-4,7"; set when its round is won

	valid     validity
	convertee *lease  // of another protocol, whose the token is now: see heir
	numbers   block   // its fencing tokens
	passings  int     // how many goroutines have passed it on
	proven    instant // when its last grant or renewal was answered
	shown     bool    // Value has handed its token out

	placed   bool // has its object's place in the queue
	inDo     bool // a Do runs, or has run, under it
	claimed  bool // its owner's release is under way
	reported bool // its owner knows what can be known of its release

	renewal  renewal
	loss     loss
	deadline renewer.Deadline

	call driver.Call // of the try
}

func newLease(s *Spec, t token) *lease {
	l := new(lease)
	l.init(s, t)
	return l
}

// adopt makes the lease of a token that was acquired elsewhere. It may be on
// every node, and only the nodes know how long it is good for.
func adopt(s *Spec, value string) *lease {
	l := newLease(s, newToken(value, true))
	for i := range l.stakes {
		l.stakes[i].maybe = true
	}
	return l
}

// agreeOn fixes the slots of a permit, before anything acts on its round.
func (l *lease) agreeOn(slots string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.slots == "" {
		l.slots = slots
	}
}

// validity returns the current validity.
func (l *lease) validity() validity {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.valid
}

// over reports that the lease's validity has ended by either clock.
func (l *lease) over() bool { return l.validity().ended(l.spec.engine.now()) }

// lastNumber is what the nodes count from, at least.
func (l *lease) lastNumber() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.numbers.last
}
