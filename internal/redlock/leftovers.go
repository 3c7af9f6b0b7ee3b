package redlock

import (
	"slices"
	"sync"
)

// leftovers are ended leases of an object whose tokens may still be on nodes, or
// on their way there. They are of no use any more, so a try replaces them. It is
// shared by all protocols that the object runs.
type leftovers struct {
	mu   sync.Mutex
	left []*footprint
}

func (l *leftovers) abandon(h *lease) {
	h.abandon()
	l.add(&h.footprint)
}

// add remembers an ended lease for as long as its token may be on a node. One
// of the user's own may be another process's too, and is never replaced.
func (l *leftovers) add(f *footprint) {
	if f.token.strict || f.settled() {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.left) == maxReplaceable {
		l.left = append(l.left[:0:0], l.left[1:]...)
	}
	l.left = append(l.left, f)
}

// of is the ended lease of a token, if it may still be on a node.
func (l *leftovers) of(t token) *footprint {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.left {
		if f.token.value == t.value {
			return f
		}
	}
	return nil
}

// current lists those that are not settled. The slice is read-only for its user.
func (l *leftovers) current() []*footprint {
	l.mu.Lock()
	defer l.mu.Unlock()
	if slices.ContainsFunc(l.left, (*footprint).settled) {
		l.left = slices.DeleteFunc(slices.Clone(l.left), (*footprint).settled)
	}
	return slices.Clip(l.left)
}
