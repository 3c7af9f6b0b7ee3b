package goredis_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// A Sentinel group is one voter, before and after it has changed its master.
func TestSentinel(t *testing.T) {
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprint("RESP", protocol), func(t *testing.T) {
			t.Parallel()
			group := redistest.NewSentinel(t)
			client := redis.NewFailoverClient(&redis.FailoverOptions{
				MasterName: group.Name, SentinelAddrs: group.Addrs(), Protocol: protocol,
			})
			t.Cleanup(func() { _ = client.Close() })
			testSentinel(t, group, client)
		})
	}
}

func testSentinel(t *testing.T, group *redistest.Sentinel, client *redis.Client) {
	pool, key := goredis.NewPool(client), redistest.Name(t)
	require.True(t, isBounded(pool))
	requireGranted(t, pool, key, "token")
	require.Equal(t, "token", group.Master(t).Do(t, "GET", key))

	master, after := group.Failover(t), redistest.Name(t)
	require.Eventually(t, func() bool {
		_, err := pool.Eval(within(t, time.Second), acquire(after, "token"))
		return err == nil && master.Do(t, "GET", after) == "token"
	}, patience, 10*time.Millisecond)
}
