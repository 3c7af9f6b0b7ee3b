package gocronholdfast

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-co-op/gocron/v2"

	"github.com/holdfast-go/holdfast/mutex"
)

var _ gocron.Locker = (*Locker)(nil)

// Locker lets each run of a job take place in one process: give it to
// gocron.WithDistributedLocker, or gocron.WithDistributedJobLocker. It is safe for
// concurrent use. See the package's documentation for what it promises.
type Locker struct {
	locks   *mutex.Factory
	splay   time.Duration
	options []mutex.Option

	mu      sync.Mutex            // guards what follows
	running map[string]*lock      // by the job's name, from Lock to Unlock
	kept    map[*lock]*time.Timer // from Unlock to the end of the splay
	closed  bool

	releases sync.WaitGroup // one for each that was kept; none is added once closed
}

// NewLocker returns a Locker with mutexes of locks. It sends nothing. What cannot work
// is an error here, a [mutex.ErrConfig], as gocron would skip every run for it.
//
// No other process gets a job's lock for the splay after it was granted, also if the job ends
// earlier; at least 0. See "Splay" in the package's documentation.
//
// The options are those of each mutex. Without [mutex.WithTries] it makes one try.
func NewLocker(locks *mutex.Factory, splay time.Duration, options ...mutex.Option) (*Locker, error) {
	if splay < 0 {
		return nil, fmt.Errorf("gocronholdfast: %w: splay is %v, at least 0s needed", mutex.ErrConfig, splay)
	}
	options = slices.Concat([]mutex.Option{mutex.WithTries(1)}, options, []mutex.Option{mutex.WithAutoExtend()})
	if err := check(locks.NewMutex("any job", options...)); err != nil {
		return nil, err
	}
	return &Locker{
		locks: locks, splay: splay, options: options,
		running: make(map[string]*lock), kept: make(map[*lock]*time.Timer),
	}, nil
}

// check reports why a mutex cannot work.
func check(m *mutex.Mutex) error {
	if _, err := m.Valid(); errors.Is(err, mutex.ErrConfig) {
		return fmt.Errorf("gocronholdfast: %w", err)
	}
	return nil
}

// Lock acquires the mutex with the job's name, and renews its lease until Unlock.
//
// Every error but a misconfiguration is a [mutex.ErrFailed], with what each node
// answered: a [*mutex.ErrTaken] where another process has the lock. On error no lease is
// left.
func (l *Locker) Lock(ctx context.Context, job string) (gocron.Lock, error) {
	if l.isClosed() {
		return nil, fmt.Errorf("gocronholdfast: locker: job %q: %w: %w", job, mutex.ErrFailed, ErrClosed)
	}
	k := &lock{locker: l, job: job, mutex: l.locks.NewMutex(job, l.options...)}
	if err := k.mutex.LockContext(ctx); err != nil {
		return nil, err
	}
	k.keepUntil = time.Now().Add(l.splay)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.running[job] = k
	return k, nil
}

func (l *Locker) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Context is for the job: it returns a copy of ctx that also ends when the lease of the
// running job is lost, with the cause [mutex.ErrLost]. Where the job is not running in
// this process under the Locker, it has ended. Call the function when the job ends.
func (l *Locker) Context(ctx context.Context, job string) (context.Context, context.CancelFunc) {
	return boundTo(ctx, l.mutexOf(job).Lost(), nil)
}

// Fence is for the job: the fencing token of the lease under which it runs, for the
// resource that it changes. It needs [mutex.WithFencing], and is 0 without. See
// [mutex.Mutex.Fence].
func (l *Locker) Fence(job string) int64 { return l.mutexOf(job).Fence() }

// mutexOf is the mutex of a running job, or nil, which is a mutex without a lease.
func (l *Locker) mutexOf(job string) *mutex.Mutex {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.running[job]; k != nil {
		return k.mutex
	}
	return nil
}

// Close releases the locks that are kept for their splay, and waits for that. Processes
// that are late for the same tick by less than the splay may run its job again. The
// locks of running jobs are released as ever, at the end of the job. A Lock after it is
// an [ErrClosed].
//
// The error says which locks were not released for certain; they end with their leases.
func (l *Locker) Close() error {
	var errs []error
	for _, k := range l.close() {
		errs = append(errs, l.releaseKept(k))
	}
	l.releases.Wait()
	return errors.Join(errs...)
}

// close ends the keeping of locks, and returns those that were kept.
func (l *Locker) close() (kept []*lock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for k, timer := range l.kept {
		timer.Stop()
		kept = append(kept, k)
	}
	clear(l.kept)
	return kept
}

// keep keeps a lock whose job has ended until its splay has, and reports whether it
// does. Its lease is renewed meanwhile.
func (l *Locker) keep(k *lock) bool {
	lost := ended(k.mutex.Lost())
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.running[k.job] == k {
		delete(l.running, k.job)
	}
	if l.kept[k] != nil {
		return true // a second Unlock
	}
	rest := time.Until(k.keepUntil)
	if lost || l.closed || rest <= 0 {
		return false
	}
	l.releases.Add(1)
	l.kept[k] = time.AfterFunc(rest, func() {
		if l.takeKept(k) {
			_ = l.releaseKept(k) // it ends with its lease if not now
		}
	})
	return true
}

// takeKept reports whether a lock was kept until now: Close may have been earlier.
func (l *Locker) takeKept(k *lock) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, was := l.kept[k]
	delete(l.kept, k)
	return was
}

// releaseKept releases a lock that was kept, once.
func (l *Locker) releaseKept(k *lock) error {
	defer l.releases.Done()
	return k.release(context.Background())
}
