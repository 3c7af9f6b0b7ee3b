package rwmutex

import "github.com/holdfast-go/holdfast/internal/redlock"

// Errors name the lock, the node and the cause, and are to be asked by errors.Is
// and errors.As rather than compared: they come wrapped and joined.
var (
	// ErrFailed means that the lock was not acquired, for writing or for reading.
	ErrFailed = redlock.ErrFailed

	// ErrExtendFailed means that the hold or the lease was not extended.
	ErrExtendFailed = redlock.ErrExtendFailed

	// ErrLockAlreadyExpired means that there is no such hold any more: it has
	// expired, was released already, or never was.
	ErrLockAlreadyExpired = redlock.ErrLockAlreadyExpired

	// ErrLost means that the hold cannot be proven any more: a majority of the nodes has
	// nothing of it, or its Until has passed. It is the cause with which the contexts of
	// Do and RDo end, and what these return, joined with what their function returned. It
	// says what the last extension has met, node by node.
	ErrLost = redlock.ErrLost

	// ErrConfig means that the lock cannot work as it was configured. The text
	// says what was given and what is needed. Nothing was sent to Redis.
	ErrConfig = redlock.ErrConfig
)

// ErrTaken means that others are in the way on so many nodes that a majority is
// impossible, for which half of an even number is enough: a
// writer, readers where a writer was refused, or a waiting writer where a reader
// was. Nodes lists them; it is empty when other goroutines hold the same *RWMutex,
// so that no node was asked. The text says so when nobody has the lock but readers, and
// a waiting writer keeps a reader out. errors.As finds it by pointer and by value.
type ErrTaken = redlock.ErrTaken

// ErrNodeTaken means that somebody else is in the way on one node, where those
// nodes alone would leave a majority. errors.As finds it by pointer and by value.
type ErrNodeTaken = redlock.ErrNodeTaken

// RedisError is what went wrong with one node: the client library's error, or
// that no answer came in time. errors.As finds it by pointer and by value.
type RedisError = redlock.RedisError
