package main

import (
	"context"
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

// environment is what the command learns of the lease.
func (l *lease) environment(name string) []string {
	vars := []string{"HOLDFAST_NAME=" + name}
	if value := l.value(); value != "" {
		vars = append(vars, "HOLDFAST_VALUE="+value)
	}
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

func noValue() string { return "" } // an RWMutex tells no reader's
func noFence() int64  { return 0 }
func noSlots() []int  { return nil }

// lease makes the lock, and acquires nothing.
func (w *wanted) lease(pools []driver.Pool) *lease {
	switch w.kind {
	case "semaphore":
		return w.permit(pools)
	case "read", "write":
		return w.readWrite(pools)
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

func (w *wanted) readWrite(pools []driver.Pool) *lease {
	options := []rwmutex.Option{rwmutex.WithExpiry(w.expiry), rwmutex.WithAutoExtend(), rwmutex.WithOwner(w.owner), rwmutex.WithUnlimitedTries()}
	if w.fence {
		options = append(options, rwmutex.WithFencing())
	}
	rw := rwmutex.New(pools...).NewRWMutex(w.name, options...)
	l := &lease{rw.LockContext, rw.Lost, rw.UnlockContext, rw.Value, rw.Fence, noSlots}
	switch {
	case w.kind == "read" && w.once:
		l.acquire = rw.TryRLockContext
	case w.kind == "read":
		l.acquire = rw.RLockContext
	case w.once:
		l.acquire = rw.TryLockContext
	}
	if w.kind == "read" {
		l.lost, l.release, l.value, l.fence = rw.RLost, rw.RUnlockContext, noValue, noFence
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
