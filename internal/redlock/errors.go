package redlock

import (
	"errors"
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// The errors of every primitive are the root package's.
var (
	ErrFailed             = holdfast.ErrFailed
	ErrExtendFailed       = holdfast.ErrExtendFailed
	ErrLockAlreadyExpired = holdfast.ErrLockAlreadyExpired
	ErrLost               = holdfast.ErrLost
	ErrConfig             = holdfast.ErrConfig
)

// So are their types.
type (
	ErrTaken     = holdfast.ErrTaken
	ErrNodeTaken = holdfast.ErrNodeTaken
	RedisError   = holdfast.RedisError
)

// Causes that have no type of their own.
var (
	errNoAnswer     = quorum.ErrNoAnswer
	errUnsettled    = errors.New("not asked: a release of the same value is still without an answer")
	errNeverGranted = errors.New("never granted it")
	errUnnumbered   = errors.New("granted without a fencing token")
	errTooLate      = errors.New("won a majority only after its validity had ended")
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

// contestedError is an ErrTaken that says what is in the way: a writer that waits.
type contestedError struct{ taken *ErrTaken }

// contested names the nodes where a writer waits, or none if it waits through the same object.
func contested(nodes []int) error { return contestedError{&ErrTaken{Nodes: nodes}} }

func (e contestedError) Error() string {
	if len(e.taken.Nodes) == 0 {
		return errContested.Error() + " through the same object"
	}
	return fmt.Sprintf("%v, nodes: %v", errContested, e.taken.Nodes)
}

// Unwrap makes errors.Is and errors.As find an ErrTaken.
func (e contestedError) Unwrap() []error { return []error{errContested, e.taken} }

// nodeExpired is the answer of a node that has nothing under the lock's name.
type nodeExpired int

func (e nodeExpired) Error() string {
	return fmt.Sprintf("node #%d: %v", int(e), ErrLockAlreadyExpired)
}

// Is makes errors.Is find ErrLockAlreadyExpired.
func (e nodeExpired) Is(target error) bool { return target == ErrLockAlreadyExpired }

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
