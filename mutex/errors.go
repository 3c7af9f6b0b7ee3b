package mutex

import "github.com/holdfast-go/holdfast"

// Errors name the mutex, the node and the cause, and are to be asked by
// errors.Is and errors.As rather than compared: they come wrapped and joined.
var (
	// ErrFailed means that the mutex was not acquired.
	ErrFailed = holdfast.ErrFailed

	// ErrExtendFailed means that the lease was not extended.
	ErrExtendFailed = holdfast.ErrExtendFailed

	// ErrLockAlreadyExpired means that there is no such lease any more: it has
	// expired, was released already, or never was.
	ErrLockAlreadyExpired = holdfast.ErrLockAlreadyExpired

	// ErrLost means that the lease cannot be proven any more: a majority of the nodes has
	// nothing of it, or its Until has passed. It is the cause with which the context of
	// Do ends, and what Do returns, joined with what its function returned. It says what
	// the last extension has met, node by node.
	ErrLost = holdfast.ErrLost

	// ErrConfig means that the mutex cannot work as it was configured. The text
	// says what was given and what is needed. Nothing was sent to Redis.
	ErrConfig = holdfast.ErrConfig
)

// ErrTaken, whose field is Nodes []int, means that others hold the mutex on so many nodes
// that a majority is impossible: half of an even number is enough. Nodes lists these; it
// is empty when another goroutine holds the same *Mutex, so that no node was asked.
// errors.As finds it by pointer and by value. See [holdfast.ErrTaken].
type ErrTaken = holdfast.ErrTaken

// ErrNodeTaken, whose field is Node int, means that another process holds the mutex on
// one node, where those nodes alone leave a majority. errors.As finds it by pointer and
// by value. See [holdfast.ErrNodeTaken].
type ErrNodeTaken = holdfast.ErrNodeTaken

// RedisError, whose fields are Node int, Addr string and Err error, is what went wrong
// with one node: the client library's error, or that no answer came in time. errors.As
// finds it by pointer and by value. See [holdfast.RedisError].
type RedisError = holdfast.RedisError
