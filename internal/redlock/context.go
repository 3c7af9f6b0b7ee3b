package redlock

import "context"

// OrBackground lets a nil context count as context.Background(), for the public packages.
func OrBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
