package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/internal/redlock/backoff"
)

// readers are the readers among the goroutines of a queue.
type readers struct {
	queue
	sharing // which the queue knows
}

// newReaders makes a queue that has readers.
func newReaders() *readers {
	r := new(readers)
	r.queue.sharing = &r.sharing
	return r
}

// enter waits for a reader's turn, and reports whether it has joined the
// lease. If not, the caller is the one to ask the nodes, and must call admitted or giveUp.
func (r *readers) enter(ctx context.Context, by *tries) (joined bool, err error) {
	r.mu.Lock()
	if by.Exhausted() {
		return r.try(ctx)
	}
	if r.waiting.First() == nil && !r.taken && !r.asking {
		joined := r.sharing.admit()
		r.mu.Unlock()
		return joined, nil
	}
	t, err := r.wait(ctx, by, turn{reads: true})
	return t.joined, err
}

// try is enter for one that does not wait for others. In its way are writers
// of the process alone: other readers are queued until one of them has asked the nodes,
// and it shares the answer. A refusal may be from before the call if the question is; then
// the next one counts, which is asked at once. r.mu is held, and given back.
func (r *readers) try(ctx context.Context) (joined bool, err error) {
	defer r.mu.Unlock()
	for old := r.asked; !r.blocked(); {
		if !r.asking {
			return r.sharing.admit(), nil
		}
		q := r.inquire()
		if err := r.share(ctx, q); err != nil || q.granted {
			return q.granted, err
		}
		if q.causes != nil && q != old {
			return false, turnedAway(q.causes)
		}
	}
	return false, backoff.ErrExhausted
}

// share waits for a question's answer. One that gives up keeps a share that came at the
// same moment: to give it back might take a round trip. r.mu is held, but not meanwhile.
func (r *readers) share(ctx context.Context, q *question) error {
	q.sharing++
	r.mu.Unlock()
	select {
	case <-q.over:
		r.mu.Lock()
		return nil
	case <-ctx.Done():
	}
	err := ctx.Err()
	r.mu.Lock()
	if q.granted {
		return nil
	}
	q.sharing--
	return err
}

// turnedAway is why the nodes have refused a reader that shared another one's question.
type turnedAway []error

func (turnedAway) Error() string { return backoff.ErrExhausted.Error() }

// begin is called before each try of a reader that asks.
func (r *readers) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recall = nil
	r.inquire()
}

// admitted ends a reader's asking: it has got a lease, or got into the present
// one. It reports false, and the reader must go on, if that has ended meanwhile.
func (r *readers) admitted(got *sharedLease) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.grant(got) {
		return false
	}
	r.advance()
	return true
}

// refused passes the causes of the nodes' refusal to those who share the question. The reader
// goes on asking, and looks again early when the channel is closed.
func (r *readers) refused(causes []error) (recall <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse(causes)
	r.recall = make(chan struct{})
	return r.recall
}

// giveUp ends a reader's asking without success.
func (r *readers) giveUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopAsking()
	r.advance()
}

// inTheWay is what keeps out one whose tries were used up in the queue.
func (r *readers) inTheWay() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.taken && r.blocked() {
		return contested(nil)
	}
	return &ErrTaken{}
}

// current returns the lease that readers have now, or nil, and whether it is
// being given back.
func (r *readers) current() (now *sharedLease, ending bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lease, r.lease != nil && r.lease.ending()
}

// endedMeanwhile reports that a lease which was the current one is none any more,
// or is being given back.
func (r *readers) endedMeanwhile(was *sharedLease) bool {
	now, ending := r.current()
	return now != was || ending
}

// convert gives a writer's place to a lease with one reader.
func (r *readers) convert(to *sharedLease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken, r.lease = false, to
	to.join(1)
	r.advance()
}

// leave gives one reader's share of the lease back. It reports which lease that was, if any,
// and whether it was the last reader's: then the caller must release the lease, and call
// released.
func (r *readers) leave() (from *sharedLease, last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lease == nil || r.lease.ending() {
		return nil, false
	}
	return r.lease, r.lease.leave()
}

// takeFromDo notes that RUnlock was called. If fn of a Do that has downgraded its lease
// calls it, Do has nothing to give back, and another reader's call looks the same to the
// engine. To give back too much would take the lease from those who read.
func (r *readers) takeFromDo() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lease != nil {
		r.lease.ofDo = false
	}
}

// leaveDo is leave for the share that Do has of h, if it still has one.
func (r *readers) leaveDo(l *lease) (from *sharedLease, last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lease == nil || r.lease.lease != l || !r.lease.ofDo {
		return nil, false
	}
	r.lease.ofDo = false
	return r.lease, r.lease.leave()
}

// released ends a lease that was released.
func (r *readers) released(from *sharedLease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lease = nil
	close(from.over)
	r.callBack()
	r.advance()
}
