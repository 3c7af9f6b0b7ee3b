package goredis

import (
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

func TestAbsolute(t *testing.T) {
	const asked = "10.0.0.1:6379"
	for sent, want := range map[string]string{
		"10.0.0.2:6380":            "10.0.0.2:6380",
		"redis-2.example.org:6380": "redis-2.example.org:6380",
		":6380":                    "10.0.0.1:6380",
		"2001:db8::7:6380":         "[2001:db8::7]:6380",
		"[2001:db8::7]:6380":       "[2001:db8::7]:6380",
		"nonsense":                 "nonsense",
	} {
		require.Equal(t, want, absolute(sent, asked), sent)
	}
	require.Equal(t, "[::1]:6380", absolute(":6380", "[::1]:6379"))
}

// reply is an error of the type of an answer.
type reply struct{ text string }

func (r reply) Error() string { return r.text }
func (reply) RedisError()     {}

func TestClassify(t *testing.T) {
	answer := reply{"WRONGTYPE not that"}
	for _, err := range []error{answer, fmt.Errorf("hook: %w", answer)} {
		got := classify(err)
		require.True(t, driver.IsReply(got))
		require.ErrorIs(t, got, err)
	}
	for _, err := range []error{
		io.EOF, context.DeadlineExceeded, redis.ErrClosed, redis.ErrPoolTimeout, redis.TxFailedErr,
		fmt.Errorf("hook: %w", redis.TxFailedErr),
	} {
		require.Equal(t, err, classify(err))
	}
	require.NoError(t, classify(redis.Nil))
	require.NoError(t, classify(fmt.Errorf("hook: %w", redis.Nil)))
}

// Clients of nodes that are gone must not pile up.
func TestClusterForgetsNodes(t *testing.T) {
	c := newCluster(nil)
	clientAt := func(addr string) *redis.Client {
		client := redis.NewClient(&redis.Options{Addr: addr})
		t.Cleanup(func() { _ = client.Close() })
		return client
	}
	first, again := clientAt("10.0.0.1:6379"), clientAt("10.0.0.1:6379")
	n := c.node(first)
	require.True(t, n == c.node(first))
	require.False(t, n == c.node(again), "the cluster client has a new client there")
	require.Len(t, c.nodes, 1)

	for i := range 2 * maxNodes {
		c.node(clientAt(fmt.Sprintf("10.1.%d.%d:6379", i/256, i%256)))
		require.LessOrEqual(t, len(c.nodes), maxNodes)
	}
}

func TestRequestTakesAnyNumberOfWords(t *testing.T) {
	for n := range 2 * inlineWords {
		words := make([]any, n)
		for i := range words {
			words[i] = i
		}
		cmd := newRequest(context.Background(), words)
		require.Equal(t, words, cmd.Args()[:n:n])
		if n > 0 {
			cmd.Args()[0] = "rewritten"
			require.Equal(t, 0, words[0])
		}
	}
}

// A client that the cluster client has closed since, because it thinks that the node is
// gone, is no reason not to follow a redirection there.
func TestClosedClientsAreLeft(t *testing.T) {
	server := redistest.StartOne(t)
	clientAt := func(addr string) *redis.Client {
		client := redis.NewClient(&redis.Options{Addr: addr})
		t.Cleanup(func() { _ = client.Close() })
		return client
	}
	c, closed := newCluster(redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr()}})), clientAt(server.Addr())
	t.Cleanup(func() { _ = c.client.Close() })
	c.node(closed)
	require.NoError(t, closed.Close())

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	call := driver.NewCall(scripts.Mutex().Check, []any{redistest.Name(t)}, "token")
	home := newNode(clientAt("127.0.0.1:1"))
	reply, err := c.visit(ctx, home, redirect{addr: server.Addr()}, &call)
	require.NoError(t, err)
	require.EqualValues(t, -1, reply)
}

// A connection that comes when its subscription is closed already is closed too.
func TestLateConnectionsAreClosed(t *testing.T) {
	ours, theirs := net.Pipe()
	d := &singleDial{}
	d.dial = func(context.Context, string, string) (net.Conn, error) {
		d.close() // as if it came in between
		return ours, nil
	}
	conn, err := d.connect(t.Context(), "tcp", "server:6379")
	require.ErrorIs(t, err, net.ErrClosed)
	require.Nil(t, conn)
	_, err = theirs.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

// A subscription whose ctx ends together with its confirmation is cut, and not handed
// out.
func TestConfirmedTooLate(t *testing.T) {
	server := redistest.StartOne(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	pubSub, cut := client.Subscribe(ctx), make(chan struct{})
	c := &subConn{pubSub: pubSub, limit: -1, owner: anywhere, close: func() { _ = pubSub.Close() }}
	_, err := openSubConn(ctx, c, func() { close(cut) }, func() error {
		err := pubSub.Subscribe(ctx, redistest.Name(t))
		cancel()
		<-cut
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
	_, _, err = c.Next()
	require.Error(t, err, "closed")
}
