package redlock

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The errors of every primitive. The public packages give them their names and
// their documentation.
var (
	ErrFailed             = errors.New("failed to acquire lock")
	ErrExtendFailed       = errors.New("failed to extend lock")
	ErrLockAlreadyExpired = errors.New("lock already expired")
	ErrLost               = errors.New("lock lost")
	ErrConfig             = errors.New("bad configuration")
)

// Causes that have no type of their own.
var (
	errNoAnswer     = errors.New("no answer in time")
	errUnsettled    = errors.New("not asked: a release of the same value is still without an answer")
	errNeverGranted = errors.New("never granted it")
	errUnnumbered   = errors.New("granted without a fencing token")
	errTooLate      = errors.New("won a majority only after its validity had ended")
	errUnexpected   = errors.New("unexpected reply")
	errNotHeld      = errors.New("not held: never acquired, or released already")
	errNoMajority   = errors.New("no majority could be asked")
	errDisagrees    = errors.New("granted other slots than the others")
	errDoubtful     = errors.New("may have given it up before: the answer was lost")
	errUnlocked     = errors.New("released while it was being extended")
	errRelease      = errors.New("failed to release lock")
	errUncounted    = errors.New("failed to count what is held")
	errInvalid      = errors.New("lock is not valid")
	errDowngrade    = errors.New("failed to downgrade lock")
	errContested    = errors.New("a writer is waiting")
)

// ErrTaken reports that the lock is held by somebody else on so many nodes that
// a majority was impossible: half of an even number are enough.
type ErrTaken struct {
	// Nodes are the numbers of the nodes where it is held. It is empty when no
	// node was asked, because the same object holds the lock in this process.
	Nodes []int
}

func (e ErrTaken) Error() string {
	if len(e.Nodes) == 0 {
		return "lock already taken through the same object"
	}
	return fmt.Sprintf("lock already taken, locked nodes: %v", e.Nodes)
}

// contestedError is an ErrTaken that says what is in the way: a writer that waits.
type contestedError struct{ taken *ErrTaken }

// contested tells of the nodes where a writer waits, or none for the same object.
func contested(nodes []int) error { return contestedError{&ErrTaken{Nodes: nodes}} }

func (e contestedError) Error() string {
	if len(e.taken.Nodes) == 0 {
		return errContested.Error() + " through the same object"
	}
	return fmt.Sprintf("%v, nodes: %v", errContested, e.taken.Nodes)
}

// Unwrap makes errors.Is and errors.As find an ErrTaken.
func (e contestedError) Unwrap() []error { return []error{errContested, e.taken} }

// Is makes errors.Is find an equal ErrTaken, by pointer and by value.
func (e ErrTaken) Is(target error) bool {
	switch t := target.(type) {
	case ErrTaken:
		return slices.Equal(e.Nodes, t.Nodes)
	case *ErrTaken:
		return t != nil && slices.Equal(e.Nodes, t.Nodes)
	}
	return false
}

// As makes errors.As fill an ErrTaken by value; by pointer it works anyway.
func (e *ErrTaken) As(target any) bool { return fill(e, target) }

// ErrNodeTaken reports that the lock is held by somebody else on one node.
type ErrNodeTaken struct {
	// Node is the number of the node, counted from 0 in the order of the pools.
	Node int
}

func (e ErrNodeTaken) Error() string {
	return fmt.Sprintf("node #%d: lock already taken", e.Node)
}

// Is makes errors.Is find an equal ErrNodeTaken, by pointer and by value.
func (e ErrNodeTaken) Is(target error) bool {
	switch t := target.(type) {
	case ErrNodeTaken:
		return e == t
	case *ErrNodeTaken:
		return t != nil && e == *t
	}
	return false
}

// As makes errors.As fill an ErrNodeTaken by value.
func (e *ErrNodeTaken) As(target any) bool { return fill(e, target) }

// RedisError is what went wrong with one node.
type RedisError struct {
	// Node is the number of the node, counted from 0 in the order of the pools.
	Node int
	// Err is the cause: the client library's error, or that no answer came.
	Err error

	addr string // of the node, for the text; "" where the client does not know it
}

func (e RedisError) Error() string {
	if e.addr == "" {
		return fmt.Sprintf("node #%d: %v", e.Node, e.Err)
	}
	return fmt.Sprintf("node #%d (%s): %v", e.Node, e.addr, e.Err)
}

// Unwrap returns the cause.
func (e RedisError) Unwrap() error { return e.Err }

// As makes errors.As fill a RedisError by value.
func (e *RedisError) As(target any) bool { return fill(e, target) }

// nodeExpired is the answer of a node that has nothing under the lock's name.
type nodeExpired int

func (e nodeExpired) Error() string {
	return fmt.Sprintf("node #%d: %v", int(e), ErrLockAlreadyExpired)
}

// Is makes errors.Is find ErrLockAlreadyExpired.
func (e nodeExpired) Is(target error) bool { return target == ErrLockAlreadyExpired }

// fill sets target, when it points to a T, to what e points to.
func fill[T any](e *T, target any) bool {
	t, ok := target.(*T)
	if ok {
		*t = *e
	}
	return ok
}

// failure is the error of one call: what failed, on which lock, and why.
type failure struct {
	kind   string // the package, for the text
	name   string
	what   error // the sentinel: ErrFailed, ErrExtendFailed, …
	causes []error
}

func (f *failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: %v", f.kind, quote(f.name), f.what)
	for i, cause := range f.causes {
		b.WriteString([]string{": ", "; "}[min(i, 1)])
		b.WriteString(cause.Error())
	}
	return b.String()
}

func (f *failure) Unwrap() []error { return append([]error{f.what}, f.causes...) }

// quote keeps odd and long names readable in an error text.
func quote(name string) string {
	const most = 64
	if len(name) <= most {
		return fmt.Sprintf("%q", name)
	}
	return fmt.Sprintf("%q… (%d bytes)", name[:most], len(name))
}
