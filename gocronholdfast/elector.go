package gocronholdfast

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"

	"github.com/holdfast-go/holdfast/mutex"
)

var _ gocron.Elector = (*Elector)(nil)

// pause is how long a campaign rests at least from one failed Lock to the next, so that
// one which fails at once is not repeated at once.
const pause = time.Second

// Elector lets one process of several run the jobs: give it to
// gocron.WithDistributedElector. It is safe for concurrent use. See the package's
// documentation for what it promises.
type Elector struct {
	mutex   *mutex.Mutex
	decided chan struct{}   // closed when the first try has its answer
	closing <-chan struct{} // closed by Close
	stop    context.CancelFunc
	done    chan struct{} // closed when the campaign has ended

	unreleased error // what the release at the end has met; set before done is closed

	mu     sync.Mutex
	reason error // guarded by mu: why the last Lock failed; nil once this process has led
}

// NewElector returns an Elector for all processes that give the same name, and begins to
// campaign. Close ends that. What cannot work is an error here, a [mutex.ErrConfig], as
// gocron would skip every run for it.
//
// The options are those of the mutex with the name, whose lease is renewed.
// [mutex.WithExpiry] is the longest time without a leader after one was killed, and
// [mutex.WithOwner] shows on the nodes who leads. The campaign goes on when tries run out.
func NewElector(locks *mutex.Factory, name string, options ...mutex.Option) (*Elector, error) {
	m := locks.NewMutex(name, append(slices.Clone(options), mutex.WithAutoExtend())...)
	if err := check(m); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	e := &Elector{
		mutex: m, decided: make(chan struct{}), done: make(chan struct{}),
		closing: ctx.Done(), stop: stop,
	}
	go e.campaign(ctx)
	return e, nil
}

// IsLeader returns nil if this process leads, and an [ErrNotLeader] joined with the
// cause otherwise. It sends nothing. It waits for the answer to the first try, or the
// end of ctx.
func (e *Elector) IsLeader(ctx context.Context) error {
	ctx = orBackground(ctx)
	select {
	case <-e.decided:
	case <-ctx.Done():
	}
	switch {
	case ctx.Err() != nil:
		return e.notLeader(ctx.Err())
	case ended(e.closing):
		return e.notLeader(ErrClosed)
	case ended(e.mutex.Lost()):
		return e.notLeader(e.whyNot())
	}
	return nil
}

// Context is for jobs: it returns a copy of ctx that also ends when this process leads no
// more, with the cause [mutex.ErrLost] or [ErrClosed]. Where it does not lead, it has
// ended. Call the function when the job ends.
func (e *Elector) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	return boundTo(ctx, e.mutex.Lost(), e.closing)
}

// Fence is the fencing token of the lease under which this process leads, or has led.
// It needs [mutex.WithFencing], and is 0 without. See [mutex.Mutex.Fence].
func (e *Elector) Fence() int64 { return e.mutex.Fence() }

// Close ends the campaign: IsLeader is an [ErrClosed] from now on. It releases the lease
// if this process leads, so that another leads at once, and waits for that. Calling it
// again returns the same.
//
// The error says that the lease was not released for certain; the next leader may have
// to wait for its end.
func (e *Elector) Close() error {
	e.stop()
	<-e.done
	return e.unreleased
}

// campaign waits for the lease and leads, until ctx ends.
func (e *Elector) campaign(ctx context.Context) {
	defer close(e.done)
	leads := e.note(e.mutex.TryLockContext(ctx))
	close(e.decided)
	for {
		if leads {
			e.lead(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		leads = e.stand(ctx)
	}
}

// lead returns when the lease is lost or ctx ends, and has released it.
func (e *Elector) lead(ctx context.Context) {
	select {
	case <-e.mutex.Lost():
		_, _ = e.mutex.Unlock() // lost: it only makes room for the next Lock
	case <-ctx.Done():
		if ok, err := e.mutex.Unlock(); !ok {
			e.unreleased = fmt.Errorf("gocronholdfast: elector %q: %w", e.mutex.Name(), err)
		}
	}
}

// stand waits for the lease, and reports whether this process has it. After a failure
// it has waited for the pause, too.
func (e *Elector) stand(ctx context.Context) bool {
	rested := time.After(pause)
	if e.note(e.mutex.LockContext(ctx)) {
		return true
	}
	select {
	case <-rested:
	case <-ctx.Done():
	}
	return false
}

// note keeps the outcome of a Lock for IsLeader, and reports whether it was a lease.
func (e *Elector) note(err error) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.reason = err
	return err == nil
}

// whyNot is why this process does not lead.
func (e *Elector) whyNot() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.reason == nil {
		return mutex.ErrLost // as it has led
	}
	return e.reason
}

// notLeader is the error of IsLeader.
func (e *Elector) notLeader(cause error) error {
	return fmt.Errorf("gocronholdfast: elector %q: %w: %w", e.mutex.Name(), ErrNotLeader, cause)
}
