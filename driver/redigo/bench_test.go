package redigo_test

import (
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/alloctest"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// contestants are the same script call, sent by the client alone and through
// the adapter.
func contestants(tb testing.TB) (client, adapter func()) {
	node := redistest.StartOne(tb)
	node.Do(tb, "SCRIPT", "LOAD", scripts.Mutex().Check.Source())
	conns := &redis.Pool{MaxIdle: 1, Dial: func() (redis.Conn, error) { return redis.Dial("tcp", node.Addr()) }}
	tb.Cleanup(func() { _ = conns.Close() })
	ctx, key := within(tb, time.Hour), redistest.Name(tb)

	// The words are interfaces already, as in a Call.
	words := []any{scripts.Mutex().Check.SHA1(), int64(1), key, "token"}
	client = func() {
		conn, err := conns.GetContext(ctx)
		require.NoError(tb, err)
		_, err = redis.DoWithTimeout(conn, time.Hour, "EVALSHA", words...)
		require.NoError(tb, err)
		_ = conn.Close()
	}
	pool, call := redigo.NewPool(conns), driver.NewCall(scripts.Mutex().Check, []any{key}, "token")
	adapter = func() {
		_, err := pool.Eval(ctx, &call)
		require.NoError(tb, err)
	}
	return client, adapter
}

// BenchmarkUncontended shows what the adapter adds to the client's own EVALSHA.
func BenchmarkUncontended(b *testing.B) {
	client, adapter := contestants(b)
	for name, once := range map[string]func(){"client": client, "adapter": adapter} {
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
	client, adapter := contestants(t)
	require.LessOrEqual(t, alloctest.Least(runs, adapter), alloctest.Least(runs, client))
}
