package mutex

import "github.com/holdfast-go/holdfast/internal/redlock"

// Errors name the mutex, the node and the cause, and are to be asked by
// errors.Is and errors.As rather than compared: they come wrapped and joined.
var (
	// ErrFailed means that the mutex was not acquired.
	ErrFailed = redlock.ErrFailed

	// ErrExtendFailed means that the hold was not extended.
	ErrExtendFailed = redlock.ErrExtendFailed

	// ErrLockAlreadyExpired means that there is no such hold any more: it has
	// expired, was released already, or never was.
	ErrLockAlreadyExpired = redlock.ErrLockAlreadyExpired

	// ErrLost means that the hold cannot be proven any more: a majority of the nodes has
	// nothing of it, or its Until has passed. It is the cause with which the context of
	// Do ends, and what Do returns, joined with what its function returned. It says what
	// the last extension has met, node by node.
	ErrLost = redlock.ErrLost

	// ErrConfig means that the mutex cannot work as it was configured. The text
	// says what was given and what is needed. Nothing was sent to Redis.
	ErrConfig = redlock.ErrConfig
)

// ErrTaken means that another holder has the mutex on so many nodes that a majority is
// impossible: on half of an even number is enough. Nodes lists those that have said so; it is empty when another goroutine holds the same *Mutex,
// so that no node was asked. errors.As finds it by pointer and by value.
type ErrTaken = redlock.ErrTaken

// ErrNodeTaken means that somebody else holds the mutex on one node, where those
// nodes alone would leave a majority. errors.As finds it by pointer and by value.
type ErrNodeTaken = redlock.ErrNodeTaken

// RedisError is what went wrong with one node: the client library's error, or
// that no answer came in time. errors.As finds it by pointer and by value.
type RedisError = redlock.RedisError
