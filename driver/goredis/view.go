package goredis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

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

// ownership returns a function that reports whether client was closed, and stays' error
// otherwise. The client cannot be asked, but it says so before it looks at a ctx that
// has ended.
func ownership(client *redis.Client, stays func() error) func() error {
	view := bind(client)
	view.Options().Limiter = nil // has nothing to decide: nothing is sent
	return func() error {
		if err := view.Process(ended, redis.NewCmd(ended, "ping")); errors.Is(err, redis.ErrClosed) {
			return err
		}
		return stays()
	}
}

// anywhere lets a subscription stay: PUBLISH reaches every node of a Cluster, replicas too.
func anywhere() error { return nil }

// ended is a ctx that has ended, and has no deadline. A PubSub reads and writes
// with it, but does not get far when it reconnects: a dial heeds its ctx.
var ended = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()
