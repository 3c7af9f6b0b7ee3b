package rwmutex

import "github.com/holdfast-go/holdfast"

// Errors come wrapped and joined, and name the lock, the node and the cause. Ask with
// [errors.Is] and [errors.As], never with ==.
var (
	// ErrFailed means that the lock was not acquired, for writing or for reading.
	ErrFailed = holdfast.ErrFailed

	// ErrExtendFailed means that the lease was not extended.
	ErrExtendFailed = holdfast.ErrExtendFailed

	// ErrLockAlreadyExpired means that there is no such lease any more: it has
	// expired, was released already, or never was.
	ErrLockAlreadyExpired = holdfast.ErrLockAlreadyExpired

	// ErrLost means that the lease cannot be proven any more: a majority of the nodes does
	// not have it, or its Until has passed. The contexts of Do and RDo end with it as their
	// cause, and these return it, joined with their function's error. Its text has what each
	// node answered to the last extension.
	ErrLost = holdfast.ErrLost

	// ErrConfig means that the lock cannot work as it was configured. Its text has what
	// was given and what is needed. Nothing was sent to Redis.
	ErrConfig = holdfast.ErrConfig
)

// ErrTaken means that so many nodes refused that a majority is impossible: half of an even
// number is enough. These nodes have a writer, a reader where a writer asked, or a waiting
// writer where a reader asked. The text beside it names the last of these cases.
//
// Its field Nodes []int lists these nodes. It is empty when other goroutines hold the same
// *RWMutex, so that no node was asked. [errors.As] finds it by pointer and by value. See
// [holdfast.ErrTaken].
type ErrTaken = holdfast.ErrTaken

// ErrNodeTaken means that another process is in the way on one node, where such nodes alone
// leave a majority. Its field Node int is the node's number. [errors.As] finds it by pointer
// and by value. See [holdfast.ErrNodeTaken].
type ErrNodeTaken = holdfast.ErrNodeTaken

// RedisError means that one node failed. Its fields are Node int, Addr string and Err error:
// the client library's error, or that no answer came in time. [errors.As] finds it by
// pointer and by value. See [holdfast.RedisError].
type RedisError = holdfast.RedisError
