package redlock

import (
	"cmp"
	"slices"
	"strings"
)

// A hold that ends because it could not be extended says why: what the last extension has
// met, node by node. Each node's part is noted as it comes, so that also a minority's, and
// that of an extension which is still under way at the end, are there to be told.

// extends reports that the round asks the nodes to extend its hold.
func (r *round) extends() bool {
	p, script := r.hold.spec.protocol, r.call.Script()
	return script != nil && (script == p.Extend || script == p.Revive || script == p.Pass)
}

// extending notes the nodes that are about to be asked. What was met there before says
// more than that there is no answer yet.
func (h *hold) extending(r *round) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.stakes {
		if s := &h.stakes[i]; s.met == nil {
			s.met = &RedisError{Node: i, Err: cmp.Or(r.slots[i].err, errNoAnswer)}
		}
	}
}

// met takes a node's answer to an extension.
func (h *hold) met(n *node, a answer) {
	h = h.lockInherited()
	defer h.mu.Unlock()
	h.stakes[n.index].met = a.reason(n.index)
}

// reason is why an answer of node i is no yes; nil if it is one.
func (a answer) reason(i int) error {
	switch {
	case a.vote == voteTaken:
		return &ErrNodeTaken{Node: i}
	case a.vote == voteMissing:
		return nodeExpired(i)
	case a.err != nil:
		return &RedisError{Node: i, Err: a.err}
	}
	return nil
}

// reasons is what the last extension has met, as one cause, or none if there was no
// extension, or nothing was in its way. h.mu is held.
func (h *hold) reasons() []error {
	var met []error
	for i := range h.stakes {
		if err := h.stakes[i].met; err != nil {
			met = append(met, err)
		}
	}
	if met == nil {
		return nil
	}
	return []error{&extensionFailure{met}}
}

// expired is why the hold cannot be relied upon once its validity has ended.
func (h *hold) expired() []error {
	return append([]error{ErrLockAlreadyExpired}, h.reasonsOfLoss()...)
}

// reasonsOfLoss is reasons for the owner of a hold that has ended.
func (h *hold) reasonsOfLoss() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.reasons()
}

// extensionFailure is what the last extension of a hold has met, node by node.
type extensionFailure struct{ causes []error }

func (e *extensionFailure) Error() string {
	texts := make([]string, len(e.causes))
	for i, cause := range e.causes {
		texts[i] = cause.Error()
	}
	return "the last extension met " + strings.Join(texts, ", ")
}

func (e *extensionFailure) Unwrap() []error { return slices.Clone(e.causes) }
