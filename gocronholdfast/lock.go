package gocronholdfast

import (
	"context"
	"time"

	"github.com/go-co-op/gocron/v2"

	"github.com/holdfast-go/holdfast/mutex"
)

var _ gocron.Lock = (*lock)(nil)

// lock is one run of a job, which gocron unlocks.
type lock struct {
	locker    *Locker
	job       string
	mutex     *mutex.Mutex // of this run alone
	keepUntil time.Time    // the end of the splay
}

// Unlock ends the run. Within the splay the lock is kept, and Unlock returns nil.
// After it the lease is released, also if ctx has ended, in the time of one call to the
// nodes. It is an error if the lease was lost, or too few nodes answered.
func (k *lock) Unlock(ctx context.Context) error {
	if k.locker.keep(k) {
		return nil
	}
	return k.release(ctx)
}

// release releases the lease.
func (k *lock) release(ctx context.Context) error {
	if ok, err := k.mutex.UnlockContext(context.WithoutCancel(orBackground(ctx))); !ok {
		return err
	}
	return nil
}
