package goredis

import (
	"context"
	"net"
	"sync"

	"github.com/redis/go-redis/v9"
)

// withHooks returns a sender that runs commands through the hooks of origin and
// then on view.
//
// WithTimeout drops the hooks of a client, and they cannot be read from it. A
// [redis.Conn] however starts with a copy of them, and takes more: the last one
// added is the innermost, and leads to view here. The Conn itself is never used
// and never takes a connection.
func withHooks(origin, view *redis.Client) sender {
	if viewsKeepHooks() {
		return view
	}
	conn := origin.Conn()
	conn.AddHook(detour{view})
	return conn
}

// detour is a hook that ends the chain of hooks at another client.
type detour struct{ to *redis.Client }

// DialHook implements [redis.Hook].
func (detour) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (d detour) ProcessHook(redis.ProcessHook) redis.ProcessHook { return d.to.Process }

// ProcessPipelineHook implements [redis.Hook].
func (d detour) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return d.pipeline
}

// pipeline takes a connection from the client's pool, as single commands do. The
// client's own Pipeline would open connections beside them: since 9.23 it has a second
// pool for pipelines. Where passwords come from a stream it has to do so all the same,
// as a [redis.Conn] cannot log in with them (go-redis 9.23).
func (d detour) pipeline(ctx context.Context, cmds []redis.Cmder) error {
	pipe := d.to.Pipeline()
	if d.to.Options().StreamingCredentialsProvider == nil {
		conn := d.to.Conn()
		defer conn.Close() // gives the connection back
		pipe = conn.Pipeline()
	}
	_ = pipe.BatchProcess(ctx, cmds...) // only queues them
	_, err := pipe.Exec(ctx)
	return err
}

// viewsKeepHooks reports whether this version of go-redis gives a client made by
// WithTimeout the hooks of its origin. 9.22 and 9.23 do not. If a later one does,
// running the hooks from here as well would run them twice.
var viewsKeepHooks = sync.OnceValue(func() bool {
	client := redis.NewClient(&redis.Options{Dialer: noDial, Protocol: 2})
	defer client.Close()
	var seen bool
	client.AddHook(witness{&seen})
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // without hooks the command ends here
	_ = client.WithTimeout(0).Ping(ctx).Err()
	return seen
})

// noDial fails, so that the client of viewsKeepHooks reaches no server.
func noDial(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }

// witness is a hook that ends every command and remembers that there was one.
type witness struct{ seen *bool }

// DialHook implements [redis.Hook].
func (witness) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (w witness) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(context.Context, redis.Cmder) error {
		*w.seen = true
		return nil
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (witness) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}
