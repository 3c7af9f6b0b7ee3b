package rwmutex

import "github.com/holdfast-go/holdfast"

// Errors name the lock, the node and the cause, and are to be asked by errors.Is
// and errors.As rather than compared: they come wrapped and joined.
var (
	// ErrFailed means that the lock was not acquired, for writing or for reading.
	ErrFailed = holdfast.ErrFailed

	// ErrExtendFailed means that the lease was not extended.
	ErrExtendFailed = holdfast.ErrExtendFailed

	// ErrLockAlreadyExpired means that there is no such lease any more: it has
	// expired, was released already, or never was.
	ErrLockAlreadyExpired = holdfast.ErrLockAlreadyExpired

	// ErrLost means that the lease cannot be proven any more: a majority of the nodes has
	// nothing of it, or its Until has passed. It is the cause with which the contexts of
	// Do and RDo end, and what these return, joined with what their function returned. It
	// says what the last extension has met, node by node.
	ErrLost = holdfast.ErrLost

	// ErrConfig means that the lock cannot work as it was configured. The text
	// says what was given and what is needed. Nothing was sent to Redis.
	ErrConfig = holdfast.ErrConfig
)

// ErrTaken, whose field is Nodes []int, means that so many nodes refused that a majority
// is impossible, for which half of an even number is enough: there is a writer, a reader
// where a writer was refused, or a waiting writer where a reader was. Nodes lists these; it
// is empty when other goroutines hold the same *RWMutex, so that no node was asked. The
// text says so when only a waiting writer keeps a reader out. errors.As finds it by pointer
// and by value. See [holdfast.ErrTaken].
type ErrTaken = holdfast.ErrTaken

// ErrNodeTaken, whose field is Node int, means that another process is in the way on one
// node, where those nodes alone leave a majority. errors.As finds it by pointer and by
// value. See [holdfast.ErrNodeTaken].
type ErrNodeTaken = holdfast.ErrNodeTaken

// RedisError, whose fields are Node int, Addr string and Err error, is what went wrong
// with one node: the client library's error, or that no answer came in time. errors.As
// finds it by pointer and by value. See [holdfast.RedisError].
type RedisError = holdfast.RedisError
