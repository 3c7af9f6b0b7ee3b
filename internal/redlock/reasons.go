package redlock

import (
	"cmp"
	"slices"
	"strings"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// A lease that ends because it could not be extended says why: what the last extension has
// met, node by node. Each node's part is noted as it comes, so that also a minority's, and
// that of an extension which is still under way at the end, are there to be reported.

// noteAsked notes the nodes that are about to be asked. What was met there before says
// more than that there is no answer yet.
func (f *footprint) noteAsked(r *quorum.Round) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.stakes {
		if s := &f.stakes[i]; s.met == nil {
			s.met = &RedisError{Node: i, Err: cmp.Or(r.Voter(i).Err, errNoAnswer)}
		}
	}
}

// reasons is what the last extension has met, as one cause, or none if there was no
// extension, or nothing was in its way. f.mu is held.
func (f *footprint) reasons() []error {
	var met []error
	for i := range f.stakes {
		if err := f.stakes[i].met; err != nil {
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
func (f *footprint) reasonsOfLoss() []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reasons()
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
