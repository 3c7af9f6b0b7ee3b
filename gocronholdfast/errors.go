package gocronholdfast

import "errors"

// Errors are asked for by errors.Is.
var (
	// ErrNotLeader means that this process does not lead. [Elector.IsLeader] joins it with
	// the cause: what the last tries have met, [mutex.ErrLost], [ErrClosed] or the
	// context's error.
	ErrNotLeader = errors.New("not the leader")

	// ErrClosed means that the Locker or the Elector was closed.
	ErrClosed = errors.New("closed")
)
