package mutex

import "github.com/holdfast-go/holdfast"

// Errors come wrapped and joined, and name the mutex, the node and the cause. Ask with
// [errors.Is] and [errors.As], never with ==.
var (
	// ErrFailed means that the mutex was not acquired.
	ErrFailed = holdfast.ErrFailed

	// ErrExtendFailed means that the lease was not extended.
	ErrExtendFailed = holdfast.ErrExtendFailed

	// ErrLockAlreadyExpired means that there is no such lease any more: it has
	// expired, was released already, or never was.
	ErrLockAlreadyExpired = holdfast.ErrLockAlreadyExpired

	// ErrLost means that the lease cannot be proven any more: a majority of the nodes does
	// not have it, or its Until has passed. The context of Do ends with it as its cause, and
	// Do returns it, joined with its function's error. Its text has what each node answered
	// to the last extension.
	ErrLost = holdfast.ErrLost

	// ErrConfig means that the mutex cannot work as it was configured. Its text has what
	// was given and what is needed. Nothing was sent to Redis.
	ErrConfig = holdfast.ErrConfig
)

// ErrTaken means that others hold the mutex on so many nodes that a majority is impossible:
// half of an even number is enough. Its field Nodes []int lists these. It is empty when
// another goroutine holds the same *Mutex, so that no node was asked. [errors.As] finds it by
// pointer and by value. See [holdfast.ErrTaken].
type ErrTaken = holdfast.ErrTaken

// ErrNodeTaken means that another process holds the mutex on one node, where such nodes alone
// leave a majority. Its field Node int is the node's number. [errors.As] finds it by pointer
// and by value. See [holdfast.ErrNodeTaken].
type ErrNodeTaken = holdfast.ErrNodeTaken

// RedisError means that one node failed. Its fields are Node int, Addr string and Err error:
// the client library's error, or that no answer came in time. [errors.As] finds it by
// pointer and by value. See [holdfast.RedisError].
type RedisError = holdfast.RedisError
