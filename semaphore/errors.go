package semaphore

import "github.com/holdfast-go/holdfast"

// Errors name the semaphore, the node and the cause, and are to be asked by
// errors.Is and errors.As rather than compared: they come wrapped and joined.
var (
	// ErrFailed means that no permit was acquired.
	ErrFailed = holdfast.ErrFailed

	// ErrExtendFailed means that the permit was not extended.
	ErrExtendFailed = holdfast.ErrExtendFailed

	// ErrLockAlreadyExpired means that there is no such permit any more: it has
	// expired, or was released already.
	ErrLockAlreadyExpired = holdfast.ErrLockAlreadyExpired

	// ErrLost means that the permit cannot be proven any more: a majority of the nodes has
	// nothing of it, or its Until has passed. It is the cause with which the contexts of
	// Do and DoN end, and what these return, joined with what their function returned. It
	// says what the last extension has met, node by node.
	ErrLost = holdfast.ErrLost

	// ErrConfig means that the semaphore cannot work as it was configured, or
	// the number of permits asked for is out of range. The text says what was
	// given and what is needed. Nothing was sent to Redis.
	ErrConfig = holdfast.ErrConfig
)

// ErrTaken, whose field is Nodes []int, means that so many nodes have too few free slots
// that a majority is impossible, for which half of an even number is enough. Nodes lists
// these; it is empty when another goroutine is acquiring through the same *Semaphore, so
// that no node was asked. The text beside it says how many permits are free and how many
// are needed, where a majority has reported that. Nodes report a bounded number, and "at
// least" says so. errors.As finds it by pointer and by value. See [holdfast.ErrTaken].
type ErrTaken = holdfast.ErrTaken

// ErrNodeTaken, whose field is Node int, means that there are too few free slots on one
// node, where those nodes alone leave a majority. errors.As finds it by pointer and by
// value. See [holdfast.ErrNodeTaken].
type ErrNodeTaken = holdfast.ErrNodeTaken

// RedisError, whose fields are Node int, Addr string and Err error, is what went wrong
// with one node: the client library's error, or that no answer came in time. errors.As
// finds it by pointer and by value. See [holdfast.RedisError].
type RedisError = holdfast.RedisError
