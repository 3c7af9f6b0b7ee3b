package valkeygo_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// evaluator is a pool or a connection.
type evaluator interface {
	Eval(ctx context.Context, call *driver.Call) (any, error)
}

// set writes a key, whatever it has.
func set(key string) *driver.Call {
	call := driver.NewCommand("set", []any{key}, "token", "PX", int64(60_000))
	return &call
}

// acquire writes key, and again if the token has it already.
func acquire(key string) *driver.Call {
	call := driver.NewCall(scripts.Mutex().Acquire, []any{key}, "token", int64(60_000), "", int64(0), "token")
	return &call
}

func requireSet(t testing.TB, on evaluator, key string) {
	t.Helper()
	reply, err := on.Eval(within(t), set(key))
	require.NoError(t, err)
	require.Equal(t, "OK", reply)
}

func requireGranted(t testing.TB, on evaluator, key string) {
	t.Helper()
	reply, err := on.Eval(within(t), acquire(key))
	require.NoError(t, err)
	require.EqualValues(t, 1, reply)
}

// requireEventuallyAt waits until calls reach a node.
func requireEventuallyAt(t testing.TB, node *redistest.Node, eval func(context.Context, *driver.Call) (any, error)) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		key := redistest.Name(t)
		_, err := eval(ctx, acquire(key))
		return err == nil && node.Do(t, "GET", key) == "token"
	}, patience, 10*time.Millisecond)
}

// dial makes a connection that is closed with the test.
func dial(t testing.TB, pool driver.Pool) driver.Conn {
	t.Helper()
	conn, err := pool.(driver.Dialer).Dial(within(t), "")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// subscribe subscribes until the end of the test.
func subscribe(t testing.TB, pool driver.Pool, channel string) driver.Subscription {
	t.Helper()
	sub, err := pool.(driver.Subscriber).Subscribe(within(t), channel)
	require.NoError(t, err)
	t.Cleanup(func() { _ = sub.Close() })
	return sub
}

// requireReceived has a node publish, and waits until it has arrived.
func requireReceived(t testing.TB, sub driver.Subscription, from *redistest.Node, channel string) {
	t.Helper()
	payload := redistest.Name(t)
	from.Do(t, "PUBLISH", channel, payload)
	stuck := time.AfterFunc(patience, func() { _ = sub.Close() })
	defer stuck.Stop()
	got, err := sub.Receive()
	require.NoError(t, err)
	require.Equal(t, payload, got)
}
