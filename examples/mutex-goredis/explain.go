package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/holdfast-go/holdfast/mutex"
)

// explain says why a lock was not acquired. ctx is the context that was given to Lock.
func explain(ctx context.Context, err error) string {
	var taken *mutex.ErrTaken
	var node *mutex.RedisError
	switch {
	case err == nil:
		return "locked"
	case errors.Is(err, mutex.ErrConfig):
		return "the options or the pools are wrong; nothing was sent"
	case errors.Is(err, mutex.ErrFailed) && ctx.Err() != nil:
		return fmt.Sprintf("gave up waiting: %v", context.Cause(ctx))
	case errors.As(err, &taken):
		return fmt.Sprintf("another process holds it, on nodes %v", taken.Nodes)
	case errors.As(err, &node):
		return fmt.Sprintf("no majority, and node %d says: %v", node.Node, node.Err)
	default:
		return "every try failed"
	}
}
