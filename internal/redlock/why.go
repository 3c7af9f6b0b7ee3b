package redlock

import (
	"context"
	"errors"

	"github.com/holdfast-go/holdfast/internal/redlock/backoff"
)

// why lists the causes of a failed wait: the end of ctx, if it was that, and
// what was in the way.
func why(ctx context.Context, err error, causes ...error) []error {
	if err == backoff.ErrExhausted {
		return causes
	}
	return append(ended(ctx), causes...)
}

// ended lists ctx's error, and its cause where that says more.
func ended(ctx context.Context) []error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return []error{cause}
	}
	return []error{err, cause}
}
