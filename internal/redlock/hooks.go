package redlock

import (
	"context"
	"errors"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// entered ends a call that locks. What it has locked is the holder's, and is unlocked again if
// the hook panics, as the caller would not know that it has it.
func (h holder) entered(ctx context.Context, e entry, by *tries, err error, unlock func(context.Context) (error, bool)) {
	a := holdfast.Acquired{Waited: time.Since(e.began), Tries: by.asked, Passed: by.passed, Granted: by.granted, Err: err}
	returned := false
	defer func() {
		if err != nil {
			return
		}
		h.begin(&section{ctx: context.WithoutCancel(ctx), count: e.count, began: time.Now()})
		if !returned {
			_, _ = unlock(context.WithoutCancel(ctx))
		}
	}()
	e.calls.settle()
	if e.hooks.AcquireDone != nil {
		e.hooks.AcquireDone(ctx, e.of(e.count), a)
	}
	returned = true
}

// begin begins the holder's section. What was lost or given back while AcquireDone ran is
// reported at once.
func (h holder) begin(s *section) {
	now := h.spec.engine.now()
	h.mu.Lock()
	defer h.unlock()
	if h.isOver() || h.ended {
		return
	}
	h.loss.sections = append(h.loss.sections, s)
	h.expire(now)
	if h.loss.err != nil {
		h.reportLoss()
	}
	h.renewing().await(now)
}

// section returns the holder's, or of readers that of the one that has read longest; nil if
// there is none.
func (h holder) section() *section {
	if h.lease == nil || h.spec.observer == nil {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.isOver() || len(h.loss.sections) == 0 {
		return nil
	}
	return h.loss.sections[0]
}

// leave takes the section from the lease of a reader that leaves it.
func (h holder) leave() *section {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := h.loss.sections
	if len(all) == 0 {
		return nil
	}
	h.loss.sections = all[1:]
	return all[0]
}

// released ends s, the section of what was the holder's, as the call that gives it back has: with
// r, and maybe lost. A call that found nothing to give back ends nothing.
func (h holder) released(ctx context.Context, s *section, r holdfast.Released, lost bool) {
	if s == nil || errors.Is(r.Err, errNotHeld) {
		return
	}
	o := h.spec.observer
	h.mu.Lock()
	first, cause := !s.ended, s.lost
	s.ended = true
	r.Passed = (r.Passed || h.isOver()) && r.Err == nil
	h.mu.Unlock()
	if !first {
		return
	}
	if cause == nil && lost {
		cause = h.spec.fail(ErrLost, r.Err)
		o.lost(s.count, cause)
	}
	if cause != nil {
		r.Err = errors.Join(r.Err, cause)
	}
	r.Held = time.Since(s.began)
	o.calls.settle()
	if o.hooks.Released != nil {
		o.hooks.Released(ctx, o.of(s.count), r)
	}
}

// reportRenewal reports an extension by renewal to hooks. r is nil where err kept it from being made.
func (l renewing) reportRenewal(r *quorum.Round, err error) {
	o := l.spec.observer
	if o == nil || o.hooks.Extended == nil {
		return
	}
	switch {
	case err != nil:
		err = l.spec.fail(ErrExtendFailed, err)
	case !r.Outcome().Won:
		err = l.spec.fail(ErrExtendFailed, causesOf(r)...)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return
	}
	ctx, count := context.Background(), 1
	if all := l.loss.sections; len(all) > 0 {
		ctx, count = all[0].ctx, all[0].count
	}
	o.calls.postIfFew(func() { o.hooks.Extended(ctx, o.of(count), err) })
}
