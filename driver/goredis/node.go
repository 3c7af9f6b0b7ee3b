package goredis

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
)

// node is a client of one address: a single server, the master of a Sentinel
// group, or one master of a Cluster.
type node struct {
	origin   *redis.Client // the application's; never used for a command
	view     *redis.Client // the pool's own view of origin
	sender   sender        // view behind the hooks of origin
	bounded  bool
	failover driver.FailoverDetector
	owner    func() error // tells that the application has closed its client
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
		view:    view,
		sender:  withHooks(client, view),
		bounded: bounded(view.Options()),
		owner:   ownership(client, anywhere),
	}
}

// Eval implements [driver.Pool].
func (n *node) Eval(ctx context.Context, call *driver.Call) (any, error) {
	reply, err := eval(ctx, n.sender, call)
	if err != nil && n.failover.Observe(err) {
		abandon(ctx, n.view)
	}
	return reply, err
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

// abandon closes one idle connection of a client that has got an answer from the wrong
// server. That is the one with the answer, unless other calls come and go. go-redis does
// it by itself only for READONLY, and in a batch only for the first command.
//
// There is no function for it: a command with no time left breaks the connection that a
// [redis.Conn] has. Where the application forbids deadlines on sockets, it stays.
func abandon(ctx context.Context, client *redis.Client) {
	if client.Options().StreamingCredentialsProvider != nil || client.PoolStats().IdleConns == 0 {
		return // see detour.pipeline
	}
	conn := client.Conn()
	defer conn.Close()
	_ = conn.Ping(ctx).Err() // takes a connection
	late, cancel := context.WithDeadline(ctx, time.Unix(0, 0))
	defer cancel()
	_ = conn.Ping(late).Err()
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
