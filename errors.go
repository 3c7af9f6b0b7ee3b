package holdfast

import (
	"errors"
	"fmt"
	"slices"
)

// Errors of all locks. They come wrapped, with the names of the lock and of the node and
// with their causes: ask with [errors.Is] and [errors.As] rather than compare. The packages
// mutex, rwmutex and semaphore have them by the same names.
var (
	// ErrFailed means that the lock was not acquired.
	ErrFailed = errors.New("failed to acquire lock")
	// ErrExtendFailed means that the lease was not extended.
	ErrExtendFailed = errors.New("failed to extend lock")
	// ErrLockAlreadyExpired means that there is no such lease any more: it has expired,
	// was released already, or never was.
	ErrLockAlreadyExpired = errors.New("lock already expired")
	// ErrLost means that the lease cannot be proven any more: a majority of the nodes
	// has lost it, or its Until has passed.
	ErrLost = errors.New("lock lost")
	// ErrConfig means that the lock cannot work as it was configured. Nothing was sent
	// to Redis.
	ErrConfig = errors.New("bad configuration")
)

// ErrTaken means that others hold the lock on so many nodes that a majority is
// impossible, for which half of an even number is enough. [errors.As] and [errors.Is] find
// it by pointer and by value.
type ErrTaken struct {
	// Nodes are the numbers of the nodes where others hold it, counted from 0 in the
	// order of the pools. It is empty when no node was asked, because another goroutine
	// holds the lock through the same object.
	Nodes []int
}

func (e ErrTaken) Error() string {
	if len(e.Nodes) == 0 {
		return "lock already taken through the same object"
	}
	return fmt.Sprintf("lock already taken, locked nodes: %v", e.Nodes)
}

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

// ErrNodeTaken means that another process holds the lock on one node, where such nodes
// alone leave a majority. [errors.As] and [errors.Is] find it by pointer and by value.
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

// RedisError is what went wrong with one node. [errors.As] finds it by pointer and by
// value.
type RedisError struct {
	// Node is the number of the node, counted from 0 in the order of the pools.
	Node int
	// Addr is the node's address, or "" where the client does not know it.
	Addr string
	// Err is the cause: the client library's error, or that no answer came in time. The
	// latter has a method Timeout, which returns true, as errors of package net have.
	Err error
}

func (e RedisError) Error() string {
	if e.Addr == "" {
		return fmt.Sprintf("node #%d: %v", e.Node, e.Err)
	}
	return fmt.Sprintf("node #%d (%s): %v", e.Node, e.Addr, e.Err)
}

// Unwrap returns the cause.
func (e RedisError) Unwrap() error { return e.Err }

// As makes errors.As fill a RedisError by value.
func (e *RedisError) As(target any) bool { return fill(e, target) }

// fill sets target, when it points to a T, to what e points to.
func fill[T any](e *T, target any) bool {
	t, ok := target.(*T)
	if ok {
		*t = *e
	}
	return ok
}
