package semaphore

import (
	"context"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock"
	"github.com/holdfast-go/holdfast/scripts"
)

// protocol is the semaphore as the engine sees it.
var protocol = &redlock.Protocol{
	Kind:    "semaphore",
	Acquire: scripts.Semaphore().Acquire,
	Extend:  scripts.Semaphore().Extend,
	Release: scripts.Semaphore().Release,
	Check:   scripts.Semaphore().Check,
	AuxKeys: []string{":permits:held"},

	Withdraw:  scripts.Semaphore().Withdraw,
	QueueKeys: []string{":permits:queue"},
	Grants:    true,
}

// MaxLimit is the largest limit that a semaphore can have.
const MaxLimit = redlock.MaxSlots

// Factory makes semaphores that live on one set of nodes. It is safe for concurrent use.
// Make one for each set of nodes and keep it: it has the connections, and what is known of
// the nodes' health.
type Factory struct {
	engine *redlock.Engine
}

// New returns a factory over pools, one for each independent Redis. A majority is
// len(pools)/2+1 of them, whether they are up or not. Give every process the same nodes.
// Errors number the nodes from 0, in the order of the pools.
//
// New never fails and sends nothing. No pools, or one that cannot be used, are reported as
// [ErrConfig] by the first call that needs them.
func New(pools ...driver.Pool) *Factory {
	return &Factory{engine: redlock.New(pools...)}
}

// on is the factory's engine, or one that nothing can use where New did not make f.
func (f *Factory) on() *redlock.Engine {
	if f == nil || f.engine == nil {
		return redlock.Unmade("this Factory was not made by New")
	}
	return f.engine
}

// NewSemaphore returns the semaphore called name, of which at most limit permits are held at
// a time: from 1 to [MaxLimit]. It sends nothing. Bad options, a bad limit and an empty name
// are reported as [ErrConfig] by the first call on it.
func (f *Factory) NewSemaphore(name string, limit int, options ...Option) *Semaphore {
	config := redlock.DefaultConfig()
	for _, option := range options {
		if option != nil {
			option.apply(&config)
		}
	}
	spec := f.on().NewSpec(protocol, name, config)
	return &Semaphore{slots: redlock.NewSlots(spec, limit), name: name, limit: limit}
}

// Semaphore is a number of permits that many processes share. It is safe for concurrent use.
// Goroutines that share it ask the nodes at the same time. Once one was refused, those that
// come later are served after it. The package's documentation says what it promises.
//
// A method without a context is the one with [context.Background]. A nil context counts as
// that, too.
type Semaphore struct {
	slots *redlock.Slots
	name  string
	limit int
}

// unmade is what every Semaphore is that NewSemaphore did not make: each call on it is
// an ErrConfig.
var unmade = (&Factory{redlock.Unmade("this Semaphore was not made by NewSemaphore")}).NewSemaphore("", 0)

func (s *Semaphore) made() *Semaphore {
	if s == nil || s.slots == nil {
		return unmade
	}
	return s
}

// Acquire takes one permit. See [Semaphore.AcquireN].
func (s *Semaphore) Acquire() (*Permit, error) { return s.AcquireN(context.Background(), 1) }

// AcquireContext takes one permit. See [Semaphore.AcquireN].
func (s *Semaphore) AcquireContext(ctx context.Context) (*Permit, error) { return s.AcquireN(ctx, 1) }

// AcquireN takes n permits, all or none, as one handle. It asks at once, however many
// goroutines do, and waits behind those that use the same *Semaphore and were refused. So
// small requests do not starve a large one of their process. It tries until a majority of the
// nodes grants the permits, the tries of [WithTries] are used up, or ctx ends.
//
// An n below 1 or above the limit is an [ErrConfig]. Every other error is an [ErrFailed],
// joined with what each node answered to the last try. When ctx has ended the error is
// ctx.Err() as well. On error no permit is held, and what single nodes may have granted is
// released in the background.
func (s *Semaphore) AcquireN(ctx context.Context, n int) (*Permit, error) {
	return permit(s.made().slots.Acquire(redlock.OrBackground(ctx), n))
}

// TryAcquire makes one try for one permit. See [Semaphore.TryAcquireN].
func (s *Semaphore) TryAcquire() (*Permit, error) { return s.TryAcquireN(context.Background(), 1) }

// TryAcquireContext makes one try for one permit. See [Semaphore.TryAcquireN].
func (s *Semaphore) TryAcquireContext(ctx context.Context) (*Permit, error) {
	return s.TryAcquireN(ctx, 1)
}

// TryAcquireN makes one try for n permits, all or none, and does not wait for holders. Only
// the nodes refuse it, and it takes what is free even where others wait. Its errors are
// those of AcquireN.
func (s *Semaphore) TryAcquireN(ctx context.Context, n int) (*Permit, error) {
	return permit(s.made().slots.TryAcquire(redlock.OrBackground(ctx), n))
}

func permit(p *redlock.Permit, err error) (*Permit, error) {
	if err != nil {
		return nil, err
	}
	return &Permit{p}, nil
}

// Do is [Semaphore.DoN] with one permit.
func (s *Semaphore) Do(ctx context.Context, fn func(ctx context.Context) error) error {
	return s.DoN(ctx, 1, fn)
}

// DoN acquires n permits, runs fn while it renews them, and releases them when fn returns,
// panics or calls runtime.Goexit.
//
// fn's context ends with ctx, and when the permits are lost; [context.Cause] is an [ErrLost]
// then. From that moment on another process may hold them. fn should stop what it does, and
// return. DoN does not stop it.
//
// The error is that of AcquireN if fn was not run. Otherwise it is that of fn, joined with an
// ErrLost if the permits were lost before their release, which the release itself may find
// out. A release that too few nodes answer is no error: what fn did was within the limit to
// its end. It goes on in the background.
func (s *Semaphore) DoN(ctx context.Context, n int, fn func(ctx context.Context) error) error {
	return s.made().slots.Do(redlock.OrBackground(ctx), n, fn)
}

// Name returns the semaphore's name.
func (s *Semaphore) Name() string { return s.made().name }

// Limit returns the limit that the semaphore was made with.
func (s *Semaphore) Limit() int { return s.made().limit }

// Held counts the permits that are held now, by all processes. Expired ones do not count. It
// asks all nodes, and waits for each as long as one call may take. A silent node counts as
// having what the others have. So the result may be too high while nodes are away, and is
// not too low. Its cost grows with what is held. It is for people and monitoring, and no
// substitute for TryAcquire.
func (s *Semaphore) Held(ctx context.Context) (int, error) {
	return s.made().slots.Held(redlock.OrBackground(ctx), scripts.Semaphore().Held)
}

// Permit is what was acquired: one permit, or several that belong together. Goroutines may
// pass it on. It is safe for concurrent use.
type Permit struct{ permit *redlock.Permit }

// unacquired is what every Permit is that no Acquire returned, such as the one beside an
// error: to release or extend it is an ErrConfig.
var unacquired = redlock.NoPermit(protocol, "this Permit was not acquired")

func (p *Permit) made() *redlock.Permit {
	if p == nil || p.permit == nil {
		return unacquired
	}
	return p.permit
}

// Release gives the permit back. See [Permit.ReleaseContext].
func (p *Permit) Release() (bool, error) { return p.ReleaseContext(context.Background()) }

// ReleaseContext gives the permit back, and reports whether a majority of the nodes still
// had it. If so, it counted against the limit up to now. The permit may pass to another
// goroutine that waits with the same *Semaphore.
//
// Otherwise it returns false and an error, an [ErrLockAlreadyExpired] after the permit's
// expiry and when it was released already. Whatever the outcome, the permit has ended. When
// too few nodes answered, or ctx has ended, the release goes on in the background, and
// another call asks the nodes once more.
func (p *Permit) ReleaseContext(ctx context.Context) (bool, error) {
	return p.made().Release(redlock.OrBackground(ctx))
}

// Extend renews the permit. See [Permit.ExtendContext].
func (p *Permit) Extend() (bool, error) { return p.ExtendContext(context.Background()) }

// ExtendContext renews the permit for a full expiry from now, and reports whether it did.
// Only nodes that still have it count. An error is an [ErrExtendFailed] with what each node
// answered. Until then stays as it was, and the call may be repeated before it. A permit
// whose Until has passed is not extended.
func (p *Permit) ExtendContext(ctx context.Context) (bool, error) {
	return p.made().Extend(redlock.OrBackground(ctx))
}

// Until returns the moment up to which the permit is valid, or was. It has a monotonic
// reading, which does not notice that the machine was suspended. Lost and Extend do.
func (p *Permit) Until() time.Time { return p.made().Until() }

// Lost returns a channel that is closed when the permit is lost: at Until, or as soon as a
// majority of the nodes has denied it. Nodes can deny it to an Extend, a Release or a
// renewal. The channel is closed already when that has happened, or when the permit was
// released. A Release in time does not close it. The call costs no round trip.
//
// Both clocks are checked in the call, and about every 100ms while a channel is open. So a
// process whose machine was suspended finds its permit lost at the next call, and the channel
// closed within 100ms of waking.
func (p *Permit) Lost() <-chan struct{} { return p.made().Lost() }

// Value returns the permit's token. A permit whose Value was read does not pass to another
// goroutine.
func (p *Permit) Value() string { return p.made().Value() }

// Slots returns the numbers of the permit's slots, from 0 to the limit − 1, in ascending
// order. No other valid permit of the semaphore has any of them.
func (p *Permit) Slots() []int { return p.made().Slots() }
