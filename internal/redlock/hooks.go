package redlock

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// observer has hooks called for the calls on one lock object, and for its leases. It is nil
// without hooks.
//
// A [entry] is a call that locks, a [section] the time of a holder. Hooks are called by the
// caller's goroutine where there is one, and else by the observer's own: see [pending].
type observer struct {
	hooks holdfast.Hooks
	lock  holdfast.Lock
	spec  *Spec
	calls pending
}

// observed returns the observer of the object that s is for, if there are hooks.
func (s *Spec) observed(kind string) *observer {
	if s.Hooks == nil {
		return nil
	}
	return &observer{hooks: *s.Hooks, lock: holdfast.Lock{Kind: kind, Name: s.name, Count: 1}, spec: s}
}

// of is the lock, as a hook is told of it.
func (o *observer) of(count int) holdfast.Lock {
	l := o.lock
	l.Count = count
	return l
}

// entry is one call that locks.
type entry struct {
	*observer // nil without hooks
	count     int
	began     time.Time
}

// enter begins a call that locks, and returns the context that it goes on with.
func (o *observer) enter(ctx context.Context, count int) (context.Context, entry) {
	if o == nil {
		return ctx, entry{}
	}
	if start := o.hooks.AcquireStart; start != nil {
		if next := start(ctx, o.of(count)); next != nil {
			ctx = next
		}
	}
	return ctx, entry{o, count, time.Now()}
}

// end ends the call. What it has locked is h's, and is unlocked again if the hook panics, as
// the caller would not know that it has it.
func (e entry) end(ctx context.Context, h holder, by *tries, err error, unlock func(context.Context) (error, bool)) {
	a := holdfast.Acquired{Waited: time.Since(e.began), Tries: by.asked, Passed: by.passed, Err: err}
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

// section is the time of one holder, from AcquireDone to Released. Readers that share a
// lease have one each. The lease's mutex guards it once it has begun.
type section struct {
	ctx   context.Context // of AcquireDone, but never ends
	count int
	began time.Time
	lost  error // an ErrLost, once Lost was called
	ended bool  // Released was called
}

// begin begins the holder's section. What was lost or given back while AcquireDone ran is
// told of at once.
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
		h.tellLoss()
	}
	h.await(now)
}

// section returns the holder's, or of readers that of the one that has read longest; nil if
// there is none.
func (h holder) section() *section {
	if h.hold == nil || h.spec.observer == nil {
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

// tellLoss tells of the lease's loss to those whose it was. h.mu is held.
func (h *hold) tellLoss() {
	o, count, err := h.spec.observer, 0, h.loss.err
	for _, s := range h.loss.sections {
		if s.lost == nil && !s.ended {
			s.lost = err
			count += s.count
		}
	}
	if count > 0 {
		o.lost(count, err)
	}
}

func (o *observer) lost(count int, err error) {
	if o.hooks.Lost != nil {
		o.calls.post(func() { o.hooks.Lost(o.of(count), err) })
	}
}

// released ends s, the section of what was h's, as the call that gives it back has: with
// r, and maybe lost. A call that found nothing to give back ends nothing.
func (o *observer) released(ctx context.Context, h holder, s *section, r holdfast.Released, lost bool) {
	if s == nil || errors.Is(r.Err, errNotHeld) {
		return
	}
	h.mu.Lock()
	first, cause := !s.ended, s.lost
	s.ended = true
	r.Passed = (r.Passed || h.isOver()) && r.Err == nil
	h.mu.Unlock()
	if !first {
		return
	}
	if cause == nil && lost {
		cause = o.spec.fail(ErrLost, r.Err)
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

// extended tells of an extension by a call.
func (o *observer) extended(ctx context.Context, count int, err error) {
	if o != nil && o.hooks.Extended != nil {
		o.hooks.Extended(ctx, o.of(count), err)
	}
}

// tellRenewal tells of an extension by renewal. r is nil where err kept it from being made.
func (h *hold) tellRenewal(r *quorum.Round, err error) {
	o := h.spec.observer
	if o == nil || o.hooks.Extended == nil {
		return
	}
	switch {
	case err != nil:
		err = h.spec.fail(ErrExtendFailed, err)
	case !r.Outcome().Won:
		err = h.spec.fail(ErrExtendFailed, causesOf(r)...)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return
	}
	ctx, count := context.Background(), 1
	if all := h.loss.sections; len(all) > 0 {
		ctx, count = all[0].ctx, all[0].count
	}
	o.calls.postIfFew(func() { o.hooks.Extended(ctx, o.of(count), err) })
}

// nodeError tells of an answer that is an error of a node.
func (o *observer) nodeError(n *node, a quorum.Answer) {
	if o == nil || a.Err == nil || o.hooks.NodeError == nil {
		return
	}
	o.calls.postIfFew(func() { o.hooks.NodeError(o.lock, n.Index, nodeError(n.Node, a.Err)) })
}

// pending are the calls of hooks that the observer's own goroutine makes, one after the
// other. It ends when there are none.
type pending struct {
	mu      sync.Mutex
	waiting []func()
	running bool
}

// post has f called. It does not wait, and may be used under a lock.
func (p *pending) post(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.add(f)
}

// postIfFew is post, but leaves f out where a hook has blocked for long.
func (p *pending) postIfFew(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) < holdfast.MaxPending {
		p.add(f)
	}
}

func (p *pending) add(f func()) {
	p.waiting = append(p.waiting, f)
	if !p.running {
		p.running = true
		go p.run()
	}
}

// settle waits for the calls that were posted before.
func (p *pending) settle() {
	p.mu.Lock()
	if !p.running {
		p.mu.Unlock()
		return
	}
	done := make(chan struct{})
	p.add(func() { close(done) })
	p.mu.Unlock()
	<-done
}

// run makes the calls. One that ends its goroutine, as a test's FailNow does, does not end
// those after it.
func (p *pending) run() {
	over := false
	defer func() {
		if !over {
			go p.run()
		}
	}()
	for f := p.next(); f != nil; f = p.next() {
		f()
	}
	over = true
}

func (p *pending) next() func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		p.waiting, p.running = nil, false
		return nil
	}
	f := p.waiting[0]
	p.waiting = p.waiting[1:]
	return f
}
