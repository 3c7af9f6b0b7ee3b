package goredis_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// hooked and app are what the package's documentation recommends for a key prefix.
type hooked struct{ *redis.ClusterClient }

type app struct {
	recorder
	prefix string
}

// ProcessHook puts the prefix before every key of a script, and that of a SET.
func (a *app) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		switch words := cmd.Args(); cmd.Name() {
		case "evalsha", "eval":
			for i := range words[2].(int) {
				words[3+i] = a.prefix + words[3+i].(string)
			}
		case "set":
			words[1] = a.prefix + words[1].(string)
		}
		return next(ctx, cmd)
	}
}

// testClusterPrefix locks with a prefix before every key. Where neither prefix nor name
// has a hash tag, the keys of the line are in other slots than the lock's: waiters poll.
func testClusterPrefix(t *testing.T, cluster *redistest.Cluster) {
	for _, c := range []struct {
		prefix, name string
		delay        time.Duration // an hour where the keys of the line can be used
	}{
		{"app:", redistest.Name(t), 20 * time.Millisecond},
		{"app:", "{" + redistest.Name(t) + "}", time.Hour},
		{"{app}:", redistest.Name(t), time.Hour},
	} {
		t.Run(c.prefix+c.name[:1], func(t *testing.T) {
			client := openCluster(t, cluster, redis.ClusterOptions{})
			client.AddHook(&app{prefix: c.prefix})
			locks := mutex.New(goredis.NewPool(hooked{client}))
			first := locks.NewMutex(c.name, mutex.WithExpiry(time.Minute))
			require.NoError(t, first.Lock())
			key := c.prefix + c.name
			require.Equal(t, first.Value(), cluster.Owner(t, cluster.Slot(t, key)).Do(t, "GET", key))
			second := locks.NewMutex(c.name, mutex.WithExpiry(time.Minute), mutex.WithRetryDelay(c.delay), mutex.WithUnlimitedTries())
			require.ErrorIs(t, second.TryLock(), &mutex.ErrTaken{Nodes: []int{0}})

			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			locked := make(chan error, 1)
			go func() { locked <- second.LockContext(ctx) }()
			if c.delay == time.Hour {
				require.Eventually(t, func() bool { return keysOf(t, cluster, key) > 1 }, patience, 10*time.Millisecond, "it waits in line")
			}
			ok, err := first.Unlock()
			require.NoError(t, err)
			require.True(t, ok)
			require.NoError(t, <-locked)
			ok, err = second.Unlock()
			require.NoError(t, err)
			require.True(t, ok)
			require.EqualValues(t, 0, cluster.Owner(t, cluster.Slot(t, key)).Do(t, "EXISTS", key))
		})
	}
}

// keysOf is how many keys begin with a lock's.
func keysOf(t *testing.T, cluster *redistest.Cluster, key string) int {
	keys, _ := cluster.Owner(t, cluster.Slot(t, key)).Do(t, "KEYS", key+"*").([]any)
	return len(keys)
}

// testClusterNodeHooks puts the prefix on behind the client's choice of a node. That is
// no good, as keys go to the master of the bare name first: a redirection for each call.
func testClusterNodeHooks(t *testing.T, cluster *redistest.Cluster) {
	client := openCluster(t, cluster, redis.ClusterOptions{})
	client.OnNewNode(func(node *redis.Client) { node.AddHook(&app{prefix: "app:"}) })
	pool, key := goredis.NewPool(client), redistest.Name(t)
	requireGranted(t, pool, key, "token")
	require.Equal(t, "token", cluster.Owner(t, cluster.Slot(t, "app:"+key)).Do(t, "GET", "app:"+key))
}
