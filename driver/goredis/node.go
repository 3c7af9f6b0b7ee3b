package goredis

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
)

// node is a client of one address: a single server, the master of a Sentinel
// group, or one master of a Cluster.
type node struct {
	origin  *redis.Client // the application's; never used for a command
	sender  sender        // the pool's own view of origin
	bounded bool
}

// sender runs single commands and pipelines; [redis.Client] and [redis.Conn]
// both do.
type sender interface {
	processor
	Pipeline() redis.Pipeliner
}

// newNode makes the pool's view of client, with its hooks.
func newNode(client *redis.Client) *node {
	view := bind(client)
	return &node{
		origin:  client,
		sender:  withHooks(client, view),
		bounded: bounded(view.Options()),
	}
}

// Eval implements [driver.Pool].
func (n *node) Eval(ctx context.Context, call *driver.Call) (any, error) {
	return eval(ctx, n.sender, call)
}

// EvalBounded implements [driver.Bounded].
func (n *node) EvalBounded(ctx context.Context, call *driver.Call) (reply any, ok bool, err error) {
	if !n.bounded {
		return nil, false, nil
	}
	reply, err = n.Eval(ctx, call)
	return reply, true, err
}

// bind returns a view of client that shares its connections, gives up at the
// deadline of ctx, and sends every command once.
//
// WithTimeout copies the options, so the application's client stays as it is.
// With a timeout of 0 and ContextTimeoutEnabled, the deadline of the socket is
// exactly that of ctx. Waiting for a connection or for a dial heeds ctx anyway.
func bind(client *redis.Client) *redis.Client {
	view, theirs := client.WithTimeout(0), client.Options()
	opts := view.Options()
	opts.ContextTimeoutEnabled = true
	opts.MaxRetries = 0
	// Negative means that go-redis neither sets nor clears a deadline. One set
	// here would stay on the connection and fail the application's next command.
	opts.ReadTimeout = min(opts.ReadTimeout, theirs.ReadTimeout)
	opts.WriteTimeout = min(opts.WriteTimeout, theirs.WriteTimeout)
	return view
}

// bounded reports whether a view with these options returns in time: sockets
// have deadlines, and no code of the application runs on the way.
func bounded(opts *redis.Options) bool {
	return opts.ReadTimeout == 0 && opts.WriteTimeout == 0 &&
		opts.OnConnect == nil && opts.Limiter == nil &&
		opts.CredentialsProvider == nil &&
		opts.CredentialsProviderContext == nil &&
		opts.StreamingCredentialsProvider == nil
}
