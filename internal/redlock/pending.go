package redlock

import (
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

func (f *footprint) strictKey() strictKey { return strictKey{f.spec.name, f.token.value} }

// retryAt notes that the release has had no certain answer from n, or is to be followed
// by another.
func (f *footprint) retryAt(n *node) {
	if !f.beginRetry(n) {
		return
	}
	if dropped, full := n.pending.Add(f); full {
		dropped.giveUpAt(n)
	}
}

// beginRetry reports whether f's release is to be put among n's pending ones, where it is once
// at most.
func (f *footprint) beginRetry(n *node) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.stakes[n.Index]
	if s.queued || !s.maybe {
		return false
	}
	s.queued = true
	return true
}

// resendAt implements [pendingRelease]: the next may not follow if this one is pending again.
func (f *footprint) resendAt(n *node, done func(settled bool)) {
	if f.mustHaveExpired(time.Now()) {
		f.giveUpAt(n)
		done(true)
		return
	}
	f.endRetry(n)
	f.releaseAt(n, func(quorum.Answer) { done(!f.isPendingAt(n)) })
}

// mustHaveExpired reports that whatever the nodes had of an ended lease is gone.
func (f *footprint) mustHaveExpired(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return now.After(f.lapses)
}

// giveUpAt implements [pendingRelease]: what the release is for must have expired, or will.
func (f *footprint) giveUpAt(n *node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.stakes[n.Index]
	s.queued, s.maybe, s.doubtful = false, false, true
	s.note(quorum.Missing)
	f.strikeOff(n)
}

// endRetry notes that f's release is not among n's pending ones any more.
func (f *footprint) endRetry(n *node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stakes[n.Index].queued = false
}

// isPendingAt reports that f's release is among n's pending ones.
func (f *footprint) isPendingAt(n *node) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stakes[n.Index].queued
}
