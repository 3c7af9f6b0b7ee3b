package redlock

import (
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/renewer"
)

// hold is a lease: a token on the nodes, with its validity, its numbers, its renewal and
// its loss. It is what a won try leaves to its owner; of a failed one the footprint is all.
type hold struct {
	footprint
	slots string // of a permit, as "3-4,7"; set when its round is won

	valid     validity
	convertee *hold   // of another protocol, whose the token is now: see heir
	numbers   block   // its fencing tokens
	turn      int     // how many goroutines have had it, and have passed it on
	proven    instant // when its last grant or renewal was answered
	shown     bool    // Value has handed its token out

	placed  bool // has its object's place in the queue
	inDo    bool // a Do runs, or has run, under it
	claimed bool // its owner's release is under way
	told    bool // its owner knows what can be known of its release

	renewal  renewal
	loss     loss
	deadline renewer.Deadline

	call driver.Call // of the try
}

// adopt makes the hold of a token that was acquired elsewhere. It may be on
// every node, and only the nodes know how long it is good for.
func adopt(s *Spec, value string) *hold {
	h := new(hold)
	h.init(s, newToken(value, true))
	for i := range h.stakes {
		h.stakes[i].maybe = true
	}
	return h
}

// agreeOn fixes the slots of a permit, before anybody acts on its round.
func (h *hold) agreeOn(slots string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.slots == "" {
		h.slots = slots
	}
}

// validity returns the current validity.
func (h *hold) validity() validity {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.valid
}
