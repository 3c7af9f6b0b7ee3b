package valkeygo_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	client "github.com/valkey-io/valkey-go"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/drivertest"
	"github.com/holdfast-go/holdfast/driver/valkeygo"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func newClient(t testing.TB, with client.ClientOption) client.Client {
	with.DisableCache = true
	c, err := client.NewClient(with)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func check(key string) *driver.Call {
	call := driver.NewCall(scripts.Mutex().Check, []any{key}, "token")
	return &call
}

func TestNilClient(t *testing.T) {
	pool := valkeygo.NewPool(nil)
	require.ErrorContains(t, pool.(driver.Validator).Validate(), "nil client")
	_, err := pool.Eval(within(t), check("key"))
	require.ErrorContains(t, err, "nil client")
	require.ErrorContains(t, pool.(driver.Batcher).EvalBatch(within(t), []*driver.Call{check("key")})[0].Err, "nil client")
	_, err = pool.(driver.Dialer).Dial(within(t), "")
	require.ErrorContains(t, err, "nil client")
	_, err = pool.(driver.Subscriber).Subscribe(within(t), "channel")
	require.ErrorContains(t, err, "nil client")
	require.Empty(t, pool.(driver.Located).Addr())
}

// Two clients of one server are found out, and errors name it.
func TestIdentity(t *testing.T) {
	node := redistest.StartOne(t)
	one := valkeygo.NewPool(newClient(t, client.ClientOption{InitAddress: []string{node.Addr()}, ForceSingleClient: true}))
	two := valkeygo.NewPool(newClient(t, client.ClientOption{InitAddress: []string{node.Addr()}, ForceSingleClient: true}))
	require.NoError(t, one.(driver.Validator).Validate())
	require.Equal(t, node.Addr(), one.(driver.Located).Addr())
	same := driver.NewEndpoint("tcp", node.Addr())
	require.Contains(t, one.(driver.Identified).Identity(), same)
	require.Contains(t, two.(driver.Identified).Identity(), same)
	require.NotEqual(t, one.(driver.Identified).Identity()[0], two.(driver.Identified).Identity()[0])
}

// The client's own error is inside of the server's answer.
func TestErrorsAreTheClients(t *testing.T) {
	for _, text := range []string{"ERR max number of clients reached", "OOM command not allowed"} {
		server := drivertest.StartFakeServer(t, func(drivertest.Request) string { return "-" + text + "\r\n" })
		pool, _ := opener(client.ClientOption{})(t, server.Addr(), drivertest.Options{})
		_, err := pool.Eval(within(t), check("key"))
		require.EqualError(t, err, text)
		var theirs *client.ValkeyError
		require.ErrorAs(t, err, &theirs)
		require.Equal(t, strings.TrimPrefix(text, "ERR "), theirs.Error())
	}
}

// What the application has made a read, or retries, is no matter to calls.
func TestClientRetries(t *testing.T) {
	server := drivertest.StartFakeServer(t, func(drivertest.Request) string { return drivertest.HangUp })
	pool, _ := opener(client.ClientOption{RetryDelay: func(int, client.Completed, error) time.Duration { return 0 }})(
		t, server.Addr(), drivertest.Options{})
	get := driver.NewCommand("get", []any{"key"})
	for n := int64(1); n <= 3; n++ {
		_, err := pool.Eval(within(t), &get)
		require.Error(t, err)
		require.Equal(t, n, server.Requests())
	}
}

// In RESP2 there is no subscription, and connections that are closed leave none behind.
func TestRESP2(t *testing.T) {
	if redistest.Backend() == "embedded" {
		// The test counts connections by their version. The step clients has real servers.
		t.Skip("the server does not report which version of RESP it speaks")
	}
	node := redistest.StartOne(t, redistest.WithProxy())
	pool := valkeygo.NewPool(newClient(t, client.ClientOption{InitAddress: []string{node.Addr()}, AlwaysRESP2: true, ForceSingleClient: true}))
	_, err := pool.(driver.Subscriber).Subscribe(within(t), "channel")
	require.ErrorIs(t, err, driver.ErrNoSubscribe)
	before := node.Proxy().Connections()
	for range 5 {
		conn, err := pool.(driver.Dialer).Dial(within(t), "")
		require.NoError(t, err)
		require.False(t, conn.Bounded())
		_, err = conn.Eval(within(t), check("key"))
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	require.Equal(t, before, node.Proxy().Connections())
}
