package goredis_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/drivertest"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

func TestSubscriber(t *testing.T) {
	t.Run("RESP2", func(t *testing.T) { drivertest.RunSubscriber(t, opener(2), goredis.SetPingInterval) })
	t.Run("RESP3", func(t *testing.T) { drivertest.RunSubscriber(t, opener(3), goredis.SetPingInterval) })
	t.Run("Wrapper", func(t *testing.T) { drivertest.RunSubscriber(t, openWrapper, goredis.SetPingInterval) })
}

// openWrapper opens clients of a type that the package does not know. An opening
// that no call waits for any more goes on until the client's own limits end it.
func openWrapper(t testing.TB, addr string, opts drivertest.Options) (driver.Pool, func()) {
	client := redis.NewClient(&redis.Options{
		Addr: addr, Password: opts.Password, PoolSize: opts.MaxConns,
		ReadTimeout: min(opts.ReadTimeout, time.Second), MaxRetries: -1,
	})
	closeOnce := sync.OnceFunc(func() { _ = client.Close() })
	t.Cleanup(closeOnce)
	collectGarbage(t)
	return goredis.NewPool(&wrapper{UniversalClient: client}), closeOnce
}

// collectGarbage does so until the test ends. A client leaves it to that to close the
// connection of a subscription which it could not open (go-redis 9.22: initConn says that the
// connection is closed, so that Close does nothing). Where this package knows the type of the
// client it closes the connection itself.
func collectGarbage(t testing.TB) {
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			runtime.GC()
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { close(stop); <-stopped })
}

// often is an interval of pings for tests that wait for one. It leaves a slow
// machine time to answer.
const often = 500 * time.Millisecond

// subscribe subscribes until the end of the test.
func subscribe(t testing.TB, pool driver.Pool, channel string) driver.Subscription {
	t.Helper()
	sub, err := pool.(driver.Subscriber).Subscribe(within(t, patience), channel)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sub.Close()) })
	return sub
}

// requireDead waits for the error that ends a subscription.
func requireDead(t testing.TB, sub driver.Subscription) error {
	t.Helper()
	return requireDeadWithin(t, sub, patience)
}

func requireDeadWithin(t testing.TB, sub driver.Subscription, patience time.Duration) error {
	t.Helper()
	failed := make(chan error, 1)
	go func() {
		_, err := sub.Receive()
		failed <- err
	}()
	select {
	case err := <-failed:
		require.Error(t, err)
		return err
	case <-time.After(patience):
		require.FailNow(t, "the subscription did not end")
		return nil
	}
}

// requireReceived publishes and receives.
func requireReceived(t testing.TB, sub driver.Subscription, node *redistest.Node, channel, payload string) {
	t.Helper()
	node.Do(t, "EVAL", "return redis.call('PUBLISH', ARGV[1], ARGV[2])", 0, channel, payload)
	stuck := time.AfterFunc(patience, func() { _ = sub.Close() }) // a message that is lost fails the test
	defer stuck.Stop()
	got, err := sub.Receive()
	require.NoError(t, err)
	require.Equal(t, payload, got)
}

// Nothing is opened for a client that is closed, and what was open ends with the
// next ping.
func TestSubscriptionEndsWithItsClient(t *testing.T) {
	t.Cleanup(goredis.SetPingInterval(often))
	node := redistest.StartOne(t, redistest.WithProxy())
	client := newClient(t, &redis.Options{Addr: node.Addr()})
	pool, channel := goredis.NewPool(client), redistest.Name(t)
	sub := subscribe(t, pool, channel)
	require.NoError(t, client.Close())
	require.ErrorIs(t, requireDead(t, sub), redis.ErrClosed)

	dialled := node.Proxy().Connections()
	_, err := pool.(driver.Subscriber).Subscribe(within(t, patience), channel)
	require.ErrorIs(t, err, redis.ErrClosed)
	require.False(t, driver.IsReply(err))
	require.Equal(t, dialled, node.Proxy().Connections())
}

// Neither the client's pool nor its limiter, hooks and options have to do with a
// subscription.
func TestSubscriptionLeavesTheClientAlone(t *testing.T) {
	t.Cleanup(goredis.SetPingInterval(often))
	node := redistest.StartOne(t, redistest.WithProxy())
	limit, hook := &limiter{}, &recorder{}
	client := newClient(t, &redis.Options{Addr: node.Addr(), Limiter: limit})
	client.AddHook(hook)
	before, channel := settings(client), redistest.Name(t)
	sub := subscribe(t, goredis.NewPool(client), channel)
	sent, reported := node.Proxy().Requests(), limit.reported.Load()
	require.Eventually(t, func() bool { return node.Proxy().Requests() >= sent+2 }, patience, time.Millisecond)
	requireReceived(t, sub, node, channel, "payload")

	require.Equal(t, before, settings(client))
	require.Zero(t, client.PoolStats().TotalConns)
	require.Equal(t, reported, limit.reported.Load(), "a ping is none of the limiter's business")
	require.Empty(t, hook.commands())
	require.Zero(t, hook.dials)
}

// A socket of a subscription never has a deadline, whatever the client's options
// are: there is nothing to clear that could be forgotten.
func TestSubscriptionSetsNoDeadlines(t *testing.T) {
	t.Cleanup(goredis.SetPingInterval(often))
	node := redistest.StartOne(t, redistest.WithProxy())
	var read, write atomic.Int64
	client := newClient(t, &redis.Options{
		Addr: node.Addr(), ReadTimeout: time.Minute, WriteTimeout: time.Minute,
		Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			return deadlines{conn, &read, &write}, err
		},
	})
	channel := redistest.Name(t)
	sub := subscribe(t, goredis.NewPool(client), channel)
	sent := node.Proxy().Requests()
	require.Eventually(t, func() bool { return node.Proxy().Requests() >= sent+2 }, patience, time.Millisecond)
	requireReceived(t, sub, node, channel, "payload")
	require.Zero(t, read.Load()+write.Load())
}

// A dial that heeds no ctx goes on without the caller, and what comes of it is
// closed.
func TestSubscribeWithASlowDialer(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig) // a server of our own, that lists its clients
	node := redistest.StartOne(t, redistest.WithProxy())
	release := make(chan struct{})
	var dials atomic.Int64
	client := newClient(t, &redis.Options{
		Addr: node.Addr(),
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			dials.Add(1)
			<-release
			return net.Dial("tcp", node.Addr())
		},
	})
	pool := goredis.NewPool(client).(driver.Subscriber)
	_, err := pool.Subscribe(within(t, 20*time.Millisecond), redistest.Name(t))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	close(release)
	require.Eventually(t, func() bool { return node.Proxy().Connections() == 1 }, patience, time.Millisecond)
	require.Eventually(t, func() bool { return connections(t, node) == 1 }, patience, time.Millisecond)
	require.EqualValues(t, 1, dials.Load())
}

// connections is how many the server has, this one included.
func connections(t testing.TB, node *redistest.Node) int {
	t.Helper()
	return strings.Count(node.Do(t, "CLIENT", "LIST").(string), "\n")
}

// silent is a client whose Subscribe does nothing, as that of a mock may.
type silent struct{ redis.UniversalClient }

func (silent) Subscribe(context.Context, ...string) *redis.PubSub { return nil }

func TestClientWithoutSubscribe(t *testing.T) {
	pool := goredis.NewPool(silent{}).(driver.Subscriber)
	_, err := pool.Subscribe(within(t, patience), "channel")
	require.ErrorIs(t, err, driver.ErrNoSubscribe)
	require.False(t, driver.IsReply(err))
}

// A client that cannot vote has no subscriptions either.
func TestRefusedClientIsNoSubscriber(t *testing.T) {
	_, ok := goredis.NewPool(nil).(driver.Subscriber)
	require.False(t, ok)
}

// In a Cluster a message reaches a subscription from every node, whichever node
// that is on.
func TestSubscriberCluster(t *testing.T) {
	t.Cleanup(goredis.SetPingInterval(often))
	cluster := redistest.NewCluster(t)
	for _, protocol := range []int{2, 3} {
		t.Run(fmt.Sprint("RESP", protocol), func(t *testing.T) {
			client := openCluster(t, cluster, redis.ClusterOptions{Protocol: protocol})
			testSubscriberCluster(t, cluster, client)
		})
	}
}

func testSubscriberCluster(t *testing.T, cluster *redistest.Cluster, client *redis.ClusterClient) {
	pool := goredis.NewPool(client)
	used := make(map[*redistest.Node]bool)
	for range 20 { // the odds that they all go to one node are 3⁻¹⁹
		channel := redistest.Name(t)
		sub := subscribe(t, pool, channel)
		home := subscriberOf(t, cluster, channel)
		used[home] = true
		for i, from := range cluster.Nodes {
			redistest.RequireArrives(t, sub, from, channel, fmt.Sprint("from ", i))
		}
		home.Do(t, "CLIENT", "KILL", "TYPE", "pubsub") // as if the node went away
		requireDead(t, sub)
	}
	assert.Greater(t, len(used), 1)

	sub := subscribe(t, pool, redistest.Name(t))
	require.NoError(t, client.Close())
	require.ErrorIs(t, requireDead(t, sub), redis.ErrClosed)
	_, err := pool.(driver.Subscriber).Subscribe(within(t, patience), "channel")
	require.ErrorIs(t, err, redis.ErrClosed)
}

// subscriberOf is the one node that has a subscriber of a channel.
func subscriberOf(t testing.TB, cluster *redistest.Cluster, channel string) *redistest.Node {
	t.Helper()
	var home *redistest.Node
	for _, node := range cluster.Nodes {
		if node.Do(t, "PUBSUB", "NUMSUB", channel).([]any)[1] == int64(1) {
			require.Nil(t, home)
			home = node
		}
	}
	require.NotNil(t, home)
	return home
}

// After a failover the subscription is dead, as the sentinels cut it once they
// make a replica of the old master, and a new one goes to the new master. They
// take their time with a master that is alive: some ten seconds.
func TestSubscriberSentinel(t *testing.T) {
	t.Parallel()
	group := redistest.NewSentinel(t)
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: group.Name, SentinelAddrs: group.Addrs()})
	t.Cleanup(func() { _ = client.Close() })
	pool, channel := goredis.NewPool(client), redistest.Name(t)
	sub := subscribe(t, pool, channel)
	requireReceived(t, sub, group.Master(t), channel, "before")

	master := group.Failover(t)
	requireDeadWithin(t, sub, time.Minute)
	sub = subscribe(t, pool, channel)
	require.Equal(t, []any{channel, int64(1)}, master.Do(t, "PUBSUB", "NUMSUB", channel))
	requireReceived(t, sub, master, channel, "after")
}

// wire is a connection that notes what is sent.
type wire struct {
	net.Conn
	note func([]byte)
}

func (w wire) Write(p []byte) (int, error) {
	w.note(p)
	return w.Conn.Write(p)
}

// A subscription of its own speaks RESP2, whatever the client speaks.
func TestSubscriptionsSpeakRESP2(t *testing.T) {
	node := redistest.StartOne(t)
	var mu sync.Mutex
	var sent strings.Builder
	client := newClient(t, &redis.Options{Addr: node.Addr(), Protocol: 3, Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return wire{conn, func(p []byte) {
			mu.Lock()
			defer mu.Unlock()
			sent.Write(p)
		}}, err
	}})
	subscribe(t, goredis.NewPool(client), redistest.Name(t))
	mu.Lock()
	defer mu.Unlock()
	require.Contains(t, strings.ToLower(sent.String()), "subscribe")
	require.NotContains(t, strings.ToLower(sent.String()), "hello\r\n$1\r\n3")
}
