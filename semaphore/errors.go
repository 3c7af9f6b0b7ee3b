package semaphore

import "github.com/holdfast-go/holdfast"

// Errors come wrapped and joined, and name the semaphore, the node and the cause. Ask with
// [errors.Is] and [errors.As], never with ==.
var (
	// ErrFailed means that no permit was acquired.
	ErrFailed = holdfast.ErrFailed

	// ErrExtendFailed means that the permit was not extended.
	ErrExtendFailed = holdfast.ErrExtendFailed

	// ErrLockAlreadyExpired means that there is no such permit any more: it has
	// expired, or was released already.
	ErrLockAlreadyExpired = holdfast.ErrLockAlreadyExpired

	// ErrLost means that the permit cannot be proven any more: a majority of the nodes does
	// not have it, or its Until has passed. The contexts of Do and DoN end with it as their
	// cause, and these return it, joined with their function's error. Its text has what each
	// node answered to the last extension.
	ErrLost = holdfast.ErrLost

	// ErrConfig means that the semaphore cannot work as it was configured, or that the
	// number of permits asked for is out of range. Its text has what was given and what is
	// needed. Nothing was sent to Redis.
	ErrConfig = holdfast.ErrConfig
)

// ErrTaken means that too few slots are free on so many nodes that a majority is impossible:
// half of an even number is enough. Its field Nodes []int lists these. It is empty when
// another goroutine is acquiring through the same *Semaphore, so that no node was asked.
//
// The text beside it has how many permits are free and how many are needed, where a majority
// has reported that. Nodes report a bounded number, and "at least" stands before that.
// [errors.As] finds it by pointer and by value. See [holdfast.ErrTaken].
type ErrTaken = holdfast.ErrTaken

// ErrNodeTaken means that too few slots are free on one node, where such nodes alone leave a
// majority. Its field Node int is the node's number. [errors.As] finds it by pointer and by
// value. See [holdfast.ErrNodeTaken].
type ErrNodeTaken = holdfast.ErrNodeTaken

// RedisError means that one node failed. Its fields are Node int, Addr string and Err error:
// the client library's error, or that no answer came in time. [errors.As] finds it by
// pointer and by value. See [holdfast.RedisError].
type RedisError = holdfast.RedisError
