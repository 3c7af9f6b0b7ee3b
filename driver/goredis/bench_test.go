package goredis_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/alloctest"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// contestants are the same script call, sent by the client alone and through
// the adapter. EvalSha is the client's method for it, which puts the words
// together on every call; Process is for a caller who has them.
func contestants(tb testing.TB) (evalSHA, process, adapter func()) {
	node := redistest.StartOne(tb)
	node.Do(tb, "SCRIPT", "LOAD", scripts.Mutex().Check.Source())
	client := newClient(tb, &redis.Options{Addr: node.Addr()})
	ctx, key, digest := within(tb, time.Hour), redistest.Name(tb), scripts.Mutex().Check.SHA1()
	call := driver.NewCall(scripts.Mutex().Check, []any{key}, "token")
	pool := goredis.NewPool(client)
	evalSHA = func() { require.NoError(tb, client.EvalSha(ctx, digest, []string{key}, "token").Err()) }
	process = func() { require.NoError(tb, client.Process(ctx, redis.NewCmd(ctx, call.Command()...))) }
	adapter = func() {
		_, err := pool.Eval(ctx, &call)
		require.NoError(tb, err)
	}
	return evalSHA, process, adapter
}

// BenchmarkUncontended shows what the adapter adds to the client's own EVALSHA.
func BenchmarkUncontended(b *testing.B) {
	evalSHA, process, adapter := contestants(b)
	for name, once := range map[string]func(){"client EvalSha": evalSHA, "client Process": process, "adapter": adapter} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				once()
			}
		})
	}
}

func TestAddsNoAllocation(t *testing.T) {
	const runs = 200
	_, process, adapter := contestants(t)
	require.LessOrEqual(t, alloctest.Least(runs, adapter), alloctest.Least(runs, process))
}
