package redlock

import (
	"cmp"
	"slices"
	"strings"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// A lease that ends because it could not be extended says why: what the last extension has
// met, node by node. Each node's part is noted as it comes, so that also a minority's, and
// that of an extension which is still under way at the end, are there to be told.

// extending notes the nodes that are about to be asked. What was met there before says
// more than that there is no answer yet.
func (l *lease) extending(r *quorum.Round) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.stakes {
		if s := &l.stakes[i]; s.met == nil {
			s.met = &RedisError{Node: i, Err: cmp.Or(r.Voter(i).Err, errNoAnswer)}
		}
	}
}

// reason is why an answer of node i is no yes; nil if it is one.
func reason(i int, a quorum.Answer) error {
	switch {
	case a.Vote == quorum.Taken:
		return &ErrNodeTaken{Node: i}
	case a.Vote == quorum.Missing:
		return nodeExpired(i)
	case a.Err != nil:
		return &RedisError{Node: i, Err: a.Err}
	}
	return nil
}

// reasons is what the last extension has met, as one cause, or none if there was no
// extension, or nothing was in its way. h.mu is held.
func (l *lease) reasons() []error {
	var met []error
	for i := range l.stakes {
		if err := l.stakes[i].met; err != nil {
			met = append(met, err)
		}
	}
	if met == nil {
		return nil
	}
	return []error{&extensionFailure{met}}
}

// expired is why the lease cannot be relied upon once its validity has ended.
func (l *lease) expired() []error {
	return append([]error{ErrLockAlreadyExpired}, l.reasonsOfLoss()...)
}

// reasonsOfLoss is reasons for the owner of a lease that has ended.
func (l *lease) reasonsOfLoss() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reasons()
}

// extensionFailure is what the last extension of a lease has met, node by node.
type extensionFailure struct{ causes []error }

func (e *extensionFailure) Error() string {
	texts := make([]string, len(e.causes))
	for i, cause := range e.causes {
		texts[i] = cause.Error()
	}
	return "the last extension met " + strings.Join(texts, ", ")
}

func (e *extensionFailure) Unwrap() []error { return slices.Clone(e.causes) }
