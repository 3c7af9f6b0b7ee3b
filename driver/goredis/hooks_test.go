package goredis_test

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// recorder is a hook that notes the commands it sees, in order.
type recorder struct {
	mu    sync.Mutex
	seen  []string
	dials int
}

func (r *recorder) commands() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.seen...)
}

func (r *recorder) note(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, name)
}

func (r *recorder) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		r.mu.Lock()
		r.dials++
		r.mu.Unlock()
		return next(ctx, network, addr)
	}
}

func (r *recorder) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		r.note(cmd.Name())
		return next(ctx, cmd)
	}
}

func (r *recorder) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			r.note("pipelined " + cmd.Name())
		}
		return next(ctx, cmds)
	}
}

// prefix is a hook that puts a prefix before every script's first key, in
// place, as such hooks do.
type prefix struct{ recorder }

func (p *prefix) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if name := cmd.Name(); name == "evalsha" || name == "eval" {
			cmd.Args()[3] = "prefix:" + cmd.Args()[3].(string)
		}
		return next(ctx, cmd)
	}
}

func TestHooksRunOnce(t *testing.T) {
	redistest.Needs(t, redistest.CanFlush)
	node := redistest.StartOne(t)
	node.Do(t, "SCRIPT", "FLUSH")
	client := newClient(t, &redis.Options{Addr: node.Addr()})
	first, second := &recorder{}, &recorder{}
	client.AddHook(first)
	client.AddHook(second)
	pool := goredis.NewPool(client)
	require.Empty(t, first.commands(), "NewPool sends nothing")

	requireGranted(t, pool, redistest.Name(t), "token")
	require.Equal(t, []string{"evalsha", "eval"}, lockCommands(first))
	require.Equal(t, first.commands(), second.commands())
	require.Equal(t, 1, first.dials)
}

// lockCommands leaves out what the client sends by itself when it connects.
func lockCommands(r *recorder) []string {
	var commands []string
	for _, name := range r.commands() {
		if name == "evalsha" || name == "eval" {
			commands = append(commands, name)
		}
	}
	return commands
}

// A hook that rewrites words must not rewrite those that other nodes are sent,
// or find its own traces the next time.
func TestHooksMayRewriteWords(t *testing.T) {
	node := redistest.StartOne(t)
	client := newClient(t, &redis.Options{Addr: node.Addr()})
	client.AddHook(&prefix{})
	pool, key := goredis.NewPool(client), redistest.Name(t)
	call := acquire(key, "token")
	before := append([]any(nil), call.Command()...)
	for range 2 {
		reply, err := pool.Eval(within(t, patience), call)
		require.NoError(t, err)
		require.EqualValues(t, 1, reply)
		require.Equal(t, before, call.Command())
	}
	require.EqualValues(t, 0, node.Do(t, "EXISTS", key))
	require.Equal(t, "token", node.Do(t, "GET", "prefix:"+key))
	require.EqualValues(t, 0, node.Do(t, "EXISTS", "prefix:prefix:"+key))
}

// evalSHA is a hook that notes what type the number of keys has.
type evalSHA struct {
	recorder
	counts []any
}

func (e *evalSHA) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "evalsha" {
			e.counts = append(e.counts, cmd.Args()[2])
		}
		return next(ctx, cmd)
	}
}

// A hook that knows go-redis's own EvalSha knows the pool's commands.
func TestHooksSeeTheNumberOfKeysAsTheClientSendsIt(t *testing.T) {
	node, hook := redistest.StartOne(t), &evalSHA{}
	client := newClient(t, &redis.Options{Addr: node.Addr()})
	client.AddHook(hook)
	_, err := goredis.NewPool(client).Eval(within(t, patience), acquire(redistest.Name(t), "token"))
	require.NoError(t, err)
	_ = client.EvalSha(within(t, patience), "0", []string{"key"}).Err()
	require.Len(t, hook.counts, 2)
	require.Equal(t, hook.counts[1], hook.counts[0])
}

// Hooks stay those of the application's client.
func TestHooksOfTheApplicationAreLeftAlone(t *testing.T) {
	node := redistest.StartOne(t)
	client := newClient(t, &redis.Options{Addr: node.Addr()})
	before := &recorder{}
	client.AddHook(before)
	pool := goredis.NewPool(client)
	after := &recorder{}
	client.AddHook(after)

	requireGranted(t, pool, redistest.Name(t), "token")
	require.Empty(t, lockCommands(after), "added too late")
	require.NoError(t, client.Ping(within(t, patience)).Err())
	require.Contains(t, before.commands(), "ping")
	require.Contains(t, after.commands(), "ping")
}
