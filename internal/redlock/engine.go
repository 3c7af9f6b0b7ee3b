package redlock

import (
	"fmt"
	"math/rand/v2"
	"reflect"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
	"github.com/holdfast-go/holdfast/internal/redlock/notify"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
	"github.com/holdfast-go/holdfast/internal/redlock/renewer"
)

// Engine runs protocols over a fixed list of nodes. One Engine belongs to one
// Factory; it is safe for concurrent use, and holds no goroutine, connection or
// timer while nothing is under way: see packages notify and renewer for what that means.
type Engine struct {
	quorum  *quorum.Nodes
	nodes   []*node
	grants  bool        // a release may grant: see granted.go
	stands  func() bool // whether the next waiter may be granted the lock
	err     error       // why the pools cannot be used; nil if they can
	clock   clock.Clock
	looks   ticks
	renewer renewer.Renewer

	notifier *notify.Notifier
}

// New makes an engine over pools, in the caller's order: the index of a pool is
// the number of its node in every error. It never fails; pools that cannot be
// used are reported, as ErrConfig, by the first call that would use them.
func New(pools ...driver.Pool) *Engine {
	e := &Engine{err: checkPools(pools), notifier: notify.New(pools...)}
	e.renewer.Init(&e.clock)
	if e.err != nil {
		return e
	}
	e.quorum = quorum.New(&e.clock, pools...)
	e.grants, e.stands = releasesGrant(pools), mostly
	for _, n := range e.quorum.List() {
		e.nodes = append(e.nodes, newNode(n))
	}
	return e
}

// Unmade returns the engine of an object that was not made by its package, but is the zero
// value or nil: every call on such an object is an ErrConfig with this text.
func Unmade(text string) *Engine {
	e := &Engine{err: fmt.Errorf("%w: %s", ErrConfig, text), notifier: notify.New()}
	e.renewer.Init(&e.clock)
	return e
}

// now reads the clocks.
func (e *Engine) now() instant { return e.clock.Now() }

// releasesGrant reports that a release on the nodes may know who listens: there is only one node,
// and that is one server. In a Cluster each counts its own listeners only.
func releasesGrant(pools []driver.Pool) bool {
	if len(pools) != 1 {
		return false
	}
	_, listens := pools[0].(driver.Subscriber)
	_, many := pools[0].(driver.Laner)
	return listens && !many
}

// notifiedEvery is of how many waiters one is notified only.
const notifiedEvery = 5

// mostly reports that the next ticket is to be one by which a release may grant. One in
// notifiedEvery is not: such a waiter has to ask, and leaves a gap to those who poll and
// do not stand in line, as clients of Redsync do.
func mostly() bool { return rand.IntN(notifiedEvery) > 0 }

// checkPools finds what is wrong with a list of pools without asking a server.
func checkPools(pools []driver.Pool) error {
	if len(pools) == 0 {
		return fmt.Errorf("%w: no pools: 0 given, at least 1 needed", ErrConfig)
	}
	for i, pool := range pools {
		if isNil(pool) {
			return fmt.Errorf("%w: pool #%d of %d is nil", ErrConfig, i, len(pools))
		}
		v, ok := pool.(driver.Validator)
		if !ok {
			continue
		}
		if err := v.Validate(); err != nil {
			return fmt.Errorf("%w: pool #%d of %d: %w", ErrConfig, i, len(pools), err)
		}
	}
	return checkDistinct(pools)
}

// checkDistinct finds a server that would have two votes, as far as pools know
// without asking it: it would grant one of them and deny the other.
func checkDistinct(pools []driver.Pool) error {
	owners := make(map[any]int)
	for i, pool := range pools {
		for _, id := range identities(pool) {
			if owner, ok := owners[id]; ok && owner != i {
				return fmt.Errorf("%w: pools #%d and #%d of %d lead to the same server%s; each node must be a server of its own",
					ErrConfig, owner, i, len(pools), address(pool))
			}
			owners[id] = i
		}
	}
	return nil
}

// identities are the values of which one is equal for pools of the same server. Among
// them is a pool that is a pointer: others may be equal and yet not the same, and so may
// pointers to what takes no memory.
func identities(pool driver.Pool) []any {
	var ids []any
	if t := reflect.TypeOf(pool); t.Kind() == reflect.Pointer && t.Elem().Size() > 0 {
		ids = append(ids, pool)
	}
	if known, ok := pool.(driver.Identified); ok {
		ids = append(ids, known.Identity()...)
	}
	return ids
}

// address is the text of a pool's address, if it knows one.
func address(pool driver.Pool) string {
	if located, ok := pool.(driver.Located); ok && located.Addr() != "" {
		return fmt.Sprintf(" (%s)", located.Addr())
	}
	return ""
}

// isNil finds both a nil interface and a nil pointer inside one.
func isNil(pool driver.Pool) bool {
	if pool == nil {
		return true
	}
	v := reflect.ValueOf(pool)
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Interface, reflect.Slice, reflect.Chan:
		return v.IsNil()
	default:
		return false
	}
}
