package redlock

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
	"github.com/holdfast-go/holdfast/internal/redlock/notify"
)

// Engine runs protocols over a fixed list of nodes. One Engine belongs to one
// Factory; it is safe for concurrent use, and holds no goroutine, connection or
// timer while nothing is under way: see package notify and keeper for what that means.
type Engine struct {
	nodes   []*node
	quorum  int
	err     error // why the pools can not be used; nil if they can
	clock   clock.Clock
	signals sync.Pool // of chan struct{}, capacity 1: see round
	rounds  sync.Pool // of *round, on which nothing has been asked: see round.done
	timers  sync.Pool // of *time.Timer, stopped: see round
	looks   ticks
	keeper  keeper

	notifier *notify.Notifier
}

// New makes an engine over pools, in the caller's order: the index of a pool is
// the number of its node in every error. It never fails; pools that can not be
// used are reported, as ErrConfig, by the first call that would use them.
func New(pools ...driver.Pool) *Engine {
	e := &Engine{quorum: len(pools)/2 + 1, err: checkPools(pools), notifier: notify.New(pools...)}
	e.keeper.engine = e
	if e.err != nil {
		return e
	}
	for i, pool := range pools {
		e.nodes = append(e.nodes, e.newNode(i, pool))
	}
	if len(e.nodes) == 1 {
		e.nodes[0].box.Decides()
	}
	return e
}

// Unmade returns the engine of an object that was not made by its package, but is the zero
// value or nil: every call on such an object is an ErrConfig with this text.
func Unmade(text string) *Engine {
	e := &Engine{err: fmt.Errorf("%w: %s", ErrConfig, text), notifier: notify.New()}
	e.keeper.engine = e
	return e
}

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

// checkDistinct finds a server that would have two votes, as far as pools can tell
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

// Quorum is the number of nodes whose word decides: a majority of the
// configured ones, whether they are up or not.
func (e *Engine) Quorum() int { return e.quorum }

// timer takes a timer, and drop gives it back.
func (e *Engine) timer(d time.Duration) *time.Timer {
	t, ok := e.timers.Get().(*time.Timer)
	if !ok {
		return time.NewTimer(d)
	}
	t.Reset(d)
	return t
}

func (e *Engine) drop(t *time.Timer) {
	t.Stop() // after which nothing comes from it any more
	e.timers.Put(t)
}

// signal takes a channel on which one round tells its caller of its decision.
func (e *Engine) signal() chan struct{} {
	if c, ok := e.signals.Get().(chan struct{}); ok {
		return c
	}
	return make(chan struct{}, 1)
}
