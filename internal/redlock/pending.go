package redlock

import (
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

func (f *footprint) strictKey() strictKey { return strictKey{f.spec.name, f.token.value} }

// mustHaveExpired reports that whatever the nodes had of an ended lease is gone.
func (f *footprint) mustHaveExpired(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return now.After(f.lapses)
}

// retry notes that the release has had no certain answer, or is to be followed by another.
func (s site) retry() {
	if !s.beginRetry() {
		return
	}
	if dropped, full := s.n.pending.Add(s); full {
		dropped.giveUp()
	}
}

// beginRetry reports whether the release is to be put among the node's pending ones, where it
// is once at most.
func (s site) beginRetry() bool {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	k := s.stake()
	if k.queued || !k.maybe {
		return false
	}
	k.queued = true
	return true
}

// resend implements [pendingRelease]: the next may not follow if this one is pending again.
func (s site) resend(done func(settled bool)) {
	if s.f.mustHaveExpired(time.Now()) {
		s.giveUp()
		done(true)
		return
	}
	s.endRetry()
	s.release(func(quorum.Answer) { done(!s.isPending()) })
}

// giveUp implements [pendingRelease]: what the release is for must have expired, or will.
func (s site) giveUp() {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	k := s.stake()
	k.queued, k.maybe, k.doubtful = false, false, true
	k.note(quorum.Missing)
	s.strikeOff()
}

// endRetry notes that the release is not among the node's pending ones any more.
func (s site) endRetry() {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	s.stake().queued = false
}

// isPending reports that the release is among the node's pending ones.
func (s site) isPending() bool {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	return s.stake().queued
}
