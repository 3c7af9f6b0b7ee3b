package interop

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// cause is what a program that checks errors wants to know.
type cause struct {
	taken   []int // nodes where another client holds the lock, when they are a majority
	each    []int // nodes where another client holds the lock, when they are not
	broken  []int // nodes that could not be asked
	expired bool
}

// holdfastCause and redsyncCause are written as redsync's users write it, with
// the package's name as the only difference.
func holdfastCause(err error) (c cause) {
	var taken *mutex.ErrTaken
	if errors.As(err, &taken) {
		c.taken = taken.Nodes
	}
	for _, e := range flatten(err) {
		var one *mutex.ErrNodeTaken
		if errors.As(e, &one) {
			c.each = append(c.each, one.Node)
		}
		var failed *mutex.RedisError
		if errors.As(e, &failed) {
			c.broken = append(c.broken, failed.Node)
		}
	}
	c.expired = errors.Is(err, mutex.ErrLockAlreadyExpired)
	return c
}

func redsyncCause(err error) (c cause) {
	var taken *redsync.ErrTaken
	if errors.As(err, &taken) {
		c.taken = taken.Nodes
	}
	for _, e := range flatten(err) {
		var one *redsync.ErrNodeTaken
		if errors.As(e, &one) {
			c.each = append(c.each, one.Node)
		}
		var failed *redsync.RedisError
		if errors.As(e, &failed) {
			c.broken = append(c.broken, failed.Node)
		}
	}
	c.expired = errors.Is(err, redsync.ErrLockAlreadyExpired)
	return c
}

// flatten lists the errors that were joined into err.
func flatten(err error) (leaves []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, inner := range joined.Unwrap() {
		leaves = append(leaves, flatten(inner)...)
	}
	return leaves
}

// mixedCause is what a process does that has both libraries while it moves from
// one to the other: it asks both vocabularies about any error.
func mixedCause(err error) cause {
	if c := holdfastCause(err); !c.empty() {
		return c
	}
	return redsyncCause(err)
}

func (c cause) empty() bool { return len(c.taken)+len(c.each)+len(c.broken) == 0 && !c.expired }

// The same situation has the same cause in both libraries' words, found by the
// same code, also by code that does not know which library an error is from.
func TestSameCauseInBothVocabularies(t *testing.T) {
	for _, situation := range []struct {
		name string
		make func(t *testing.T, nodes []*redistest.Node, p process) error
		want cause
	}{
		{"lock that is taken", lockTaken, cause{taken: []int{0, 1, 2}}},
		{"unlock of another client's", unlockStrangers, cause{taken: []int{0, 1, 2}}},
		{"unlock after expiry", unlockExpired, cause{expired: true}},
		{"lock with a minority taken and a node down", lockMixed, cause{each: []int{0}, broken: []int{1}}},
		{"lock with a majority down", lockDown, cause{broken: []int{1, 2}}},
	} {
		t.Run(situation.name, func(t *testing.T) {
			for _, lib := range append(ours(), theirs()...) {
				t.Run(lib.name, func(t *testing.T) {
					nodes := redistest.Start(t, 3)
					err := situation.make(t, nodes, lib.start(t, nodes))
					assertSameCause(t, situation.want, mixedCause(err), err)
				})
			}
		})
	}
}

// assertSameCause allows for one difference: Holdfast decides with the majority's
// last vote and may lack the answers of some nodes where the lock is taken.
func assertSameCause(t *testing.T, want, got cause, err error) {
	t.Helper()
	assert.Subset(t, want.taken, got.taken, "taken: %v", err)
	assert.Greater(t, 2*len(got.taken)+1, len(want.taken), "taken: %v", err)
	assert.ElementsMatch(t, want.each, got.each, "each: %v", err)
	assert.ElementsMatch(t, want.broken, got.broken, "broken: %v", err)
	assert.Equal(t, want.expired, got.expired, "expired: %v", err)
}

// take gives name to another client on some nodes.
func take(t *testing.T, name string, nodes ...*redistest.Node) {
	t.Helper()
	for _, node := range nodes {
		node.Do(t, "SET", name, "another-client", "PX", time.Minute.Milliseconds())
	}
}

func lockTaken(t *testing.T, nodes []*redistest.Node, p process) error {
	name := redistest.Name(t)
	take(t, name, nodes...)
	return p.mutex(name, settings{}).TryLock()
}

func unlockStrangers(t *testing.T, nodes []*redistest.Node, p process) error {
	name := redistest.Name(t)
	take(t, name, nodes...)
	return requireFalse(t, p.mutex(name, settings{value: "mine"}).Unlock)
}

func unlockExpired(t *testing.T, _ []*redistest.Node, p process) error {
	return requireFalse(t, p.mutex(redistest.Name(t), settings{value: "mine"}).Unlock)
}

func lockMixed(t *testing.T, nodes []*redistest.Node, p process) error {
	name := redistest.Name(t)
	redistest.Needs(t, redistest.CanKill)
	take(t, name, nodes[0])
	nodes[1].Kill(t)
	return p.mutex(name, settings{}).TryLock()
}

func lockDown(t *testing.T, nodes []*redistest.Node, p process) error {
	redistest.Needs(t, redistest.CanKill)
	nodes[1].Kill(t)
	nodes[2].Kill(t)
	return p.mutex(redistest.Name(t), settings{}).TryLock()
}

// Every error of Holdfast is found by pointer and by value, since redsync's users
// write either, and keeps its sentinel beside it.
func TestHoldfastErrorsByPointerAndByValue(t *testing.T) {
	for _, lib := range ours() {
		t.Run(lib.name, func(t *testing.T) {
			nodes := redistest.Start(t, 3)
			p := lib.start(t, nodes)

			taken := lockTaken(t, nodes, p)
			require.ErrorIs(t, taken, mutex.ErrFailed)
			requireBothWays[mutex.ErrTaken](t, taken)

			_, extend := p.mutex(redistest.Name(t), settings{value: "never-held"}).Extend()
			require.ErrorIs(t, extend, mutex.ErrExtendFailed)
			require.ErrorIs(t, extend, mutex.ErrLockAlreadyExpired)
			require.ErrorIs(t, unlockExpired(t, nodes, p), mutex.ErrLockAlreadyExpired)

			mixed := lockMixed(t, nodes, p)
			require.ErrorIs(t, mixed, mutex.ErrFailed)
			requireBothWays[mutex.ErrNodeTaken](t, mixed)
			requireBothWays[mutex.RedisError](t, mixed)
		})
	}
}

// requireBothWays finds an E in err by pointer and by value, and the same one.
func requireBothWays[E any](t *testing.T, err error) {
	t.Helper()
	var pointer *E
	require.ErrorAs(t, err, &pointer) //nolint:testifylint // E is an error by pointer and by value
	var value E
	require.ErrorAs(t, err, &value)
	require.Equal(t, *pointer, value)
}

// A wait that its context ends is ErrFailed in either library.
func TestEndedContextIsErrFailed(t *testing.T) {
	nodes := redistest.Start(t, 3)
	for _, lib := range append(ours(), theirs()...) {
		t.Run(lib.name, func(t *testing.T) {
			name := redistest.Name(t)
			take(t, name, nodes...)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			err := lib.start(t, nodes).mutex(name, settings{}).(contextLock).LockContext(ctx)
			require.True(t, errors.Is(err, mutex.ErrFailed) || errors.Is(err, redsync.ErrFailed), "%v", err)
		})
	}
}

type contextLock interface {
	LockContext(ctx context.Context) error
}
