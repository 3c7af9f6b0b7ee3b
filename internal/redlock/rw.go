package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast"
)

// RW is a read-write lock object: a writer and readers that share the queue,
// the keys and what earlier leases have left there. It is safe for concurrent use.
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
	x.Reader.spec.queueKeys = x.Writer.spec.queueKeys // a reader's release may grant a writer its number
	x.Writer.readers = x.Reader
	return x
}

func newShared(s *Spec, at *readers, left *leftovers) *Shared {
	return &Shared{spec: s, readers: at, attempts: attempts{spec: s, left: left}}
}

// Downgrade turns the write lease into a read lease with the same token, for a full
// expiry from now, with no writer between.
//
// On error the write lease is gone. What the nodes still have of it counts for
// readers: it is a read lease that lasts until the write lease would have, and that
// is to be given back like any other. Only without a write lease nothing changes.
func (x *RW) Downgrade(ctx context.Context) error {
	s := x.Writer.spec
	if err := s.usable(); err != nil {
		return err
	}
	h := x.Writer.current()
	if h.lease == nil || !h.claimToConvert() {
		return s.fail(errDowngrade, ErrLockAlreadyExpired, errNotHeld)
	}
	was := h.section()
	h.renewing().awaitRenewal(ctx)
	to := h.heir(x.Reader.spec)
	causes := to.acquiring().convert(ctx, h.lease)
	x.Reader.keep(to)
	if s.AutoExtend {
		to.renewing().keepAlive()
	}
	to.renewing().watch()
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

// converted reports to hooks that a writer's time is over, and that a reader's has begun. A
// lease that WithValue adopted has had neither.
func (x *RW) converted(ctx context.Context, h holder, to *lease, was *section, err error) {
	if was == nil {
		return
	}
	h.released(ctx, was, holdfast.Released{Passed: true, Err: err}, to.over())
	ctx, e := x.Reader.spec.observer.enter(ctx, 1)
	to.holder().entered(ctx, e, &tries{passed: true}, nil, x.Reader.unlock)
}
