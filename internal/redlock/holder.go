package redlock

import "time"

// holder is one goroutine's time with a lease. It ends when the lease passes on or is
// given back; from then on nothing that it does reaches the lease.
type holder struct {
	*lease
	passings int // of the lease when the holder got it
}

// holder is the present one.
func (l *lease) holder() holder { return holder{l, l.passings} }

// isOver reports that the holder's time has ended by passing. h.mu is held.
func (h holder) isOver() bool { return h.passings != h.lease.passings }

// active reports that the lease is the holder's and was not released.
func (h holder) active() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.ended && !h.isOver()
}

// lockHeld locks the lease that the holder has, or that has taken its place. It returns
// nil, and locks nothing, when the holder's time is over.
func (h holder) lockHeld() *lease {
	h.mu.Lock()
	if h.isOver() {
		h.mu.Unlock()
		return nil
	}
	to := h.convertee
	if to == nil {
		return h.lease
	}
	h.mu.Unlock()
	to.mu.Lock()
	return to
}

// converted is the lease that Downgrade has made of the holder's, or nil.
func (h holder) converted() *lease {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.isOver() {
		return nil
	}
	return h.convertee
}

// show hands the token out. Others may act on it from now on.
func (h holder) show() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shown = h.shown || !h.isOver()
	return h.token.value
}

// lossOf is why the lease was lost while the holder had it, or nil.
func (h holder) lossOf() error {
	of := h.lockHeld()
	if of == nil {
		return nil
	}
	defer of.mu.Unlock()
	return of.loss.err
}

// A lease of a short expiry has a short tenure.
const (
	maxTenure       = 5 * time.Millisecond
	tenuresAnExpiry = 64
)

// tenure is how long after an answer of the nodes a lease may pass on.
func (s *Spec) tenure() time.Duration { return min(maxTenure, s.Expiry/tenuresAnExpiry) }
