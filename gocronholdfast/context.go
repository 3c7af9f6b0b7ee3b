package gocronholdfast

import (
	"context"

	"github.com/holdfast-go/holdfast/mutex"
)

// boundTo returns a copy of ctx that also ends with a lease, with the cause
// [mutex.ErrLost], and with closing, with the cause [ErrClosed].
func boundTo(ctx context.Context, lost, closing <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(orBackground(ctx))
	go func() {
		select {
		case <-closing:
			cancel(ErrClosed)
		case <-lost:
			cancel(mutex.ErrLost)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil) }
}

// orBackground lets a nil context count as context.Background(), as package mutex does.
func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

// ended reports whether a channel is closed.
func ended(channel <-chan struct{}) bool {
	select {
	case <-channel:
		return true
	default:
		return false
	}
}
