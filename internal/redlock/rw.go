package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// RW is a read-write lock object: a writer and readers that share the queue,
// the keys and what earlier holds have left there. It is safe for concurrent use.
type RW struct {
	Writer *Exclusive
	Reader *Shared
}

// NewRW makes an object called name that runs one protocol for its writer and one
// for its readers, with the same keys.
func NewRW(e *Engine, writer, reader *Protocol, name string, c Config) *RW {
	at, left := newReaders(), new(leftovers)
	keys := writer.keys(name)
	x := &RW{
		Writer: newExclusive(e.newSpec(writer, name, c, keys), &at.queue, left),
		Reader: newShared(e.newSpec(reader, name, c, keys), at, left),
	}
	x.Writer.readers = x.Reader
	return x
}

func newShared(s *Spec, at *readers, left *leftovers) *Shared {
	return &Shared{spec: s, readers: at, attempts: attempts{spec: s, left: left}}
}

// Downgrade turns the write hold into a read hold with the same token, for a full
// expiry from now, with no writer between.
//
// On error the write hold is gone. What the nodes still have of it counts for
// readers: it is a read hold that lasts until the write hold would have, and that
// is to be given back like any other. Only without a write hold nothing changes.
func (x *RW) Downgrade(ctx context.Context) error {
	s := x.Writer.spec
	if err := s.usable(); err != nil {
		return err
	}
	h := x.Writer.current()
	if h.hold == nil || !h.claimToConvert() {
		return s.fail(errDowngrade, ErrLockAlreadyExpired, errNotHeld)
	}
	was := h.section()
	h.awaitRenewal(ctx)
	to := h.heir(x.Reader.spec)
	causes := to.convert(ctx, h.hold)
	x.Reader.keep(to)
	if s.AutoExtend {
		to.keepAlive()
	}
	to.watch()
	h.retire()
	got := newSharedLease(to)
	got.ofDo = to.inDo
	x.Reader.readers.convert(got)
	err := s.downgraded(ctx, causes)
	x.converted(ctx, h, to, was, err)
	return err
}

// downgraded is the error of a Downgrade, if there are causes.
func (s *Spec) downgraded(ctx context.Context, causes []error) error {
	switch {
	case causes == nil:
		return nil
	case ctx.Err() != nil:
		causes = append(ended(ctx), causes...)
	}
	return s.fail(errDowngrade, causes...)
}

// converted has hooks told that a writer's time is over, and that a reader's has begun. A
// lease that WithValue adopted has had neither.
func (x *RW) converted(ctx context.Context, h holder, to *hold, was *section, err error) {
	if was == nil {
		return
	}
	x.Writer.spec.observer.released(ctx, h, was, holdfast.Released{Passed: true, Err: err}, to.over())
	ctx, e := x.Reader.spec.observer.enter(ctx, 1)
	e.end(ctx, to.holder(), &tries{passed: true}, nil, x.Reader.unlock)
}

// claimToConvert keeps everybody else from releasing or renewing the hold. It
// reports false when that is going on already, or when the object has no place
// for readers: an adopted hold, or one that was released.
func (h holder) claimToConvert() bool {
	now := h.spec.engine.now()
	h.mu.Lock()
	defer h.unlock()
	h.expire(now)
	if h.isOver() || h.claimed || h.ended || !h.placed {
		return false
	}
	h.claimed = true
	h.spec.engine.renewer.Drop(&h.deadline)
	return true
}

// heir makes a hold of another protocol for the same token, and ends this one without
// a release. The heir may be wherever this one may be; and what is still on its way
// to this one is the heir's when it comes: a write grant counts for readers. With it go
// all who rely on the hold: it is renewed if this one was, and they are told of its loss.
func (h *hold) heir(s *Spec) *hold {
	to := new(hold)
	to.init(s, h.token)
	h.mu.Lock()
	defer h.mu.Unlock()
	to.valid = h.valid
	copy(to.stakes, h.stakes)
	clear(h.stakes)
	to.loss, h.loss = h.loss, loss{}
	to.loss.sections = nil // a writer's
	to.inDo = h.inDo
	to.renewal.on, h.renewal.on = h.renewal.on, false
	to.renewal.forDo = h.inDo
	h.ended, h.successor, h.convertee = true, &to.footprint, to
	return to
}

// inherit sees to a grant to the hold's predecessor that came after it had been
// converted on the other nodes: it is converted too, lest it keep others from reading
// there. It may come while the node is asked to convert, and too early for that; so it is
// seen to when nothing is under way there. If the hold has ended meanwhile the grant is
// released instead, by others.
func (h *hold) inherit(n *node) {
	h, due := h.pendFormer(n)
	if !due {
		return
	}
	m := h.spec.about(h.token)
	m.Class = outbox.Urgent
	n.Send(h.spec.convertCall(h), m, func(a quorum.Answer) {
		if h.learn(n, a) {
			h.settle(n)
		}
	})
}

// lockCurrent locks the lease that has this one's token now.
func (h *hold) lockCurrent() *hold {
	h.mu.Lock()
	to := h.convertee
	if to == nil {
		return h
	}
	h.mu.Unlock()
	to.mu.Lock()
	return to
}

// pendFormer notes that a call is about to be sent to n which converts what its hold's
// predecessor may have there, if there may be anything.
func (h *hold) pendFormer(n *node) (of *hold, due bool) {
	of = h.lockCurrent()
	defer of.mu.Unlock()
	s := &of.stakes[n.Index]
	due = s.former && of.mayPend(s, of.spec.engine.now())
	if due {
		s.former = false
		s.begin()
	}
	return of, due
}

// convert asks the nodes to make the new hold of the old one.
func (h *hold) convert(ctx context.Context, from *hold) []error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if from.over() {
		return []error{ErrLockAlreadyExpired}
	}
	call := h.spec.convertCall(h)
	q := h.spec.question(ctx, h.token, &call)
	h.spec.grants(&q, (*acquiring)(h))
	r := h.spec.engine.quorum.Round(q)
	if !h.pend(r) {
		return []error{errNotHeld}
	}
	if !r.Run(ctx) {
		return causesOf(r)
	}
	if err := h.renew(r.Outcome().Start); err != nil {
		return []error{err}
	}
	return nil
}

// retire gives up what a hold still has in its object once its heir is there.
func (h *hold) retire() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.claimed, h.placed = false, false
}
