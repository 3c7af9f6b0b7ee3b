package inspect

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/driver"
)

// Timeout is how long a node may take to answer. A shorter deadline of the caller's
// context is kept.
const Timeout = 2 * time.Second

// Inspector shows the locks on one set of nodes. It is safe for concurrent use.
type Inspector struct {
	pools []driver.Pool
	err   error // why nothing can be asked
}

// New returns an Inspector over pools, in the order in which the locks' processes have
// them. It sends nothing. No pools, or one that cannot be used, are reported by each
// call.
func New(pools ...driver.Pool) *Inspector {
	in := &Inspector{pools: append([]driver.Pool(nil), pools...)}
	if len(pools) == 0 {
		in.err = fmt.Errorf("inspect: %w: no pools given, at least 1 needed", holdfast.ErrConfig)
	}
	for i, pool := range pools {
		if err := validate(pool); err != nil && in.err == nil {
			in.err = fmt.Errorf("inspect: %w: pool %d of %d: %w", holdfast.ErrConfig, i, len(pools), err)
		}
	}
	return in
}

func validate(pool driver.Pool) error {
	if v := reflect.ValueOf(pool); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return errors.New("it is nil")
	}
	if v, ok := pool.(driver.Validator); ok {
		return v.Validate()
	}
	return nil
}

// usable reports why a lock called name cannot be asked about.
func (in *Inspector) usable(name string) error {
	switch {
	case in == nil || in.pools == nil && in.err == nil:
		return fmt.Errorf("inspect: %w: this Inspector was not made by New", holdfast.ErrConfig)
	case in.err != nil:
		return in.err
	case name == "":
		return fmt.Errorf("inspect: %w: empty name: 0 bytes given, at least 1 needed", holdfast.ErrConfig)
	}
	return nil
}

// majority is how many nodes are one.
func (in *Inspector) majority() int { return len(in.pools)/2 + 1 }

// Mutex shows the mutex called name.
//
// A name or pools that cannot be used are a [holdfast.ErrConfig]. It also returns an error when fewer than a majority of the nodes answered, together with what
// the others did. [Status.Nodes] says what each node answered in any case.
func (in *Inspector) Mutex(ctx context.Context, name string) (Status, error) {
	return in.show(ctx, mutexes, name)
}

// RWMutex shows the read-write lock called name. Its errors are those of [Inspector.Mutex].
func (in *Inspector) RWMutex(ctx context.Context, name string) (Status, error) {
	return in.show(ctx, rwmutexes, name)
}

// Semaphore shows the semaphore called name. Its errors are those of [Inspector.Mutex].
func (in *Inspector) Semaphore(ctx context.Context, name string) (Status, error) {
	return in.show(ctx, semaphores, name)
}

func (in *Inspector) show(ctx context.Context, k *kind, name string) (Status, error) {
	if err := in.usable(name); err != nil {
		return Status{}, err
	}
	answers := in.ask(ctx, k.showCall(name))
	now := time.Now()
	seen := merger{kind: k, name: name, majority: in.majority(), now: now}
	status := Status{Kind: k.name, Name: name}
	for i, a := range answers {
		shown, err := a.shown()
		if err != nil {
			err = in.nodeError(i, err)
		}
		status.Nodes = append(status.Nodes, Node{
			Addr: in.addr(i), Err: err, Unreachable: err != nil && !a.answered(),
			Held: shown.held, Waiting: shown.waiting, Fence: shown.fence,
		})
		if err == nil {
			seen.add(i, shown)
		}
	}
	seen.fill(&status)
	return status, shortage(k, &status, in.majority())
}

// shortage is the error of a status that fewer than a majority of the nodes gave.
func shortage(k *kind, status *Status, majority int) error {
	var causes []error
	for _, node := range status.Nodes {
		if node.Err != nil {
			causes = append(causes, node.Err)
		}
	}
	if answered := len(status.Nodes) - len(causes); answered < majority {
		return fmt.Errorf("inspect: %s %q: %d of %d nodes answered, a majority needed: %w",
			k.name, status.Name, answered, len(status.Nodes), errors.Join(causes...))
	}
	return nil
}

func (in *Inspector) nodeError(i int, err error) error {
	return &holdfast.RedisError{Node: i, Addr: in.addr(i), Err: err}
}

// addr is where a node is, or "".
func (in *Inspector) addr(i int) string {
	if located, ok := in.pools[i].(driver.Located); ok {
		return located.Addr()
	}
	return ""
}
