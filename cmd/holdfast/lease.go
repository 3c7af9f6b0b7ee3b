package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/semaphore"
)

// wanted is the lock that run is asked for.
type wanted struct {
	kind, name string // kind is the flag's name
	limit, n   int
	expiry     time.Duration
	once       bool // one try
	owner      string
	fence      bool
}

// lease is a lock of any kind.
type lease struct {
	acquire func(ctx context.Context) error
	lost    func() <-chan struct{}
	release func(ctx context.Context) (bool, error)
	value   func() string
	fence   func() int64 // 0 where there is none
	slots   func() []int // nil where there are none
}

// leaseVars are the variables that describe a lease.
var leaseVars = []string{"HOLDFAST_NAME=", "HOLDFAST_VALUE=", "HOLDFAST_FENCE=", "HOLDFAST_SLOTS="}

// withoutLease is an environment without what another run, in whose command this is, has
// put there.
func withoutLease(env []string) []string {
	return slices.DeleteFunc(env, func(v string) bool {
		return slices.ContainsFunc(leaseVars, func(name string) bool { return strings.HasPrefix(v, name) })
	})
}

// environment is what the command learns of the lease.
func (l *lease) environment(name string) []string {
	vars := []string{"HOLDFAST_NAME=" + name, "HOLDFAST_VALUE=" + l.value()}
	if fence := l.fence(); fence != 0 {
		vars = append(vars, "HOLDFAST_FENCE="+strconv.FormatInt(fence, 10))
	}
	if slots := l.slots(); slots != nil {
		var words []string
		for _, slot := range slots {
			words = append(words, strconv.Itoa(slot))
		}
		vars = append(vars, "HOLDFAST_SLOTS="+strings.Join(words, ","))
	}
	return vars
}

func noFence() int64 { return 0 }
func noSlots() []int { return nil }

// lease makes the lock, and acquires nothing.
func (w *wanted) lease(pools []driver.Pool) *lease {
	switch w.kind {
	case "semaphore":
		return w.permit(pools)
	case "read":
		return w.reader(pools)
	case "write":
		return w.writer(pools)
	}
	options := []mutex.Option{mutex.WithExpiry(w.expiry), mutex.WithAutoExtend(), mutex.WithOwner(w.owner), mutex.WithUnlimitedTries()}
	if w.fence {
		options = append(options, mutex.WithFencing())
	}
	m := mutex.New(pools...).NewMutex(w.name, options...)
	l := &lease{m.LockContext, m.Lost, m.UnlockContext, m.Value, m.Fence, noSlots}
	if w.once {
		l.acquire = m.TryLockContext
	}
	return l
}

func (w *wanted) writer(pools []driver.Pool) *lease {
	options := []rwmutex.Option{rwmutex.WithExpiry(w.expiry), rwmutex.WithAutoExtend(), rwmutex.WithOwner(w.owner), rwmutex.WithUnlimitedTries()}
	if w.fence {
		options = append(options, rwmutex.WithFencing())
	}
	rw := rwmutex.New(pools...).NewRWMutex(w.name, options...)
	l := &lease{rw.LockContext, rw.Lost, rw.UnlockContext, rw.Value, rw.Fence, noSlots}
	if w.once {
		l.acquire = rw.TryLockContext
	}
	return l
}

func (w *wanted) reader(pools []driver.Pool) *lease {
	rw := rwmutex.New(pools...).NewRWMutex(w.name, rwmutex.WithExpiry(w.expiry), rwmutex.WithAutoExtend(), rwmutex.WithOwner(w.owner),
		rwmutex.WithUnlimitedTries())
	l := &lease{rw.RLockContext, rw.RLost, rw.RUnlockContext, rw.RValue, noFence, noSlots}
	if w.once {
		l.acquire = rw.TryRLockContext
	}
	return l
}

func (w *wanted) permit(pools []driver.Pool) *lease {
	s := semaphore.New(pools...).NewSemaphore(w.name, w.limit, semaphore.WithExpiry(w.expiry), semaphore.WithAutoExtend(),
		semaphore.WithOwner(w.owner), semaphore.WithUnlimitedTries())
	var p *semaphore.Permit
	return &lease{
		acquire: func(ctx context.Context) (err error) {
			if w.once {
				p, err = s.TryAcquireN(ctx, w.n)
			} else {
				p, err = s.AcquireN(ctx, w.n)
			}
			return err
		},
		lost:    func() <-chan struct{} { return p.Lost() },
		release: func(ctx context.Context) (bool, error) { return p.ReleaseContext(ctx) },
		value:   func() string { return p.Value() },
		fence:   noFence,
		slots:   func() []int { return p.Slots() },
	}
}
