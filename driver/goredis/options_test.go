package goredis_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/auth"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// newClient makes a client that is closed when the test ends.
func newClient(t testing.TB, opts *redis.Options) *redis.Client {
	t.Helper()
	client := redis.NewClient(opts)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// within returns a ctx with a deadline, as the engine's always have.
func within(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// acquire is a call that writes key, and again if token has it already.
func acquire(key, token string) *driver.Call {
	call := driver.NewCall(scripts.Mutex().Acquire, []any{key}, token, int64(60_000), "", int64(0), token)
	return &call
}

// requireGranted checks that a call writes key through the pool.
func requireGranted(t testing.TB, pool driver.Pool, key, token string) {
	t.Helper()
	reply, err := pool.Eval(within(t, patience), acquire(key, token))
	require.NoError(t, err)
	require.EqualValues(t, 1, reply)
}

func TestValidate(t *testing.T) {
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"shard": "127.0.0.1:1"}})
	defer ring.Close()
	for name, c := range map[string]struct {
		client redis.UniversalClient
		reason string
	}{
		"nil":               {nil, "nil client"},
		"nil Client":        {(*redis.Client)(nil), "nil client"},
		"nil ClusterClient": {(*redis.ClusterClient)(nil), "nil client"},
		"nil wrapper":       {(*wrapper)(nil), "nil client"},
		"Ring":              {ring, "cannot be one voter"},
	} {
		t.Run(name, func(t *testing.T) {
			pool := goredis.NewPool(c.client)
			err := pool.(driver.Validator).Validate()
			require.ErrorContains(t, err, c.reason)
			_, again := pool.Eval(within(t, patience), acquire("key", "token"))
			require.Equal(t, err, again)
		})
	}
}

// wrapper is a client of a type that the package does not know.
type wrapper struct {
	redis.UniversalClient
	calls atomic.Int64
}

func (w *wrapper) Process(ctx context.Context, cmd redis.Cmder) error {
	w.calls.Add(1)
	return w.UniversalClient.Process(ctx, cmd)
}

func TestUnknownClientIsUsedByItsProcess(t *testing.T) {
	node := redistest.StartOne(t)
	client := &wrapper{UniversalClient: newClient(t, &redis.Options{Addr: node.Addr()})}
	pool, key := goredis.NewPool(client), redistest.Name(t)
	requireGranted(t, pool, key, "token")
	require.Positive(t, client.calls.Load())
	require.Equal(t, "token", node.Do(t, "GET", key))
	require.False(t, isBounded(pool))
}

func isBounded(pool driver.Pool) bool {
	b, ok := pool.(driver.Bounded)
	if !ok {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Nanosecond)
	defer cancel()
	call := driver.NewCall(scripts.Mutex().Check, []any{"name"}, "token")
	_, ok, _ = b.EvalBounded(ctx, &call)
	return ok
}

func TestBounded(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*redis.Options)
		want   bool
	}{
		"defaults":        {func(*redis.Options) {}, true},
		"no timeouts":     {func(o *redis.Options) { o.ReadTimeout, o.WriteTimeout = -1, -1 }, true},
		"long timeouts":   {func(o *redis.Options) { o.ReadTimeout, o.WriteTimeout = time.Hour, time.Hour }, true},
		"no read limits":  {func(o *redis.Options) { o.ReadTimeout, o.WriteTimeout = -2, time.Second }, false},
		"no write limits": {func(o *redis.Options) { o.WriteTimeout = -2 }, false},
		"limiter":         {func(o *redis.Options) { o.Limiter = &limiter{} }, false},
		"connect hook": {func(o *redis.Options) {
			o.OnConnect = func(context.Context, *redis.Conn) error { return nil }
		}, false},
		"credentials": {func(o *redis.Options) {
			o.CredentialsProvider = func() (string, string) { return "", "" }
		}, false},
		"credentials by ctx": {func(o *redis.Options) {
			o.CredentialsProviderContext = func(context.Context) (string, string, error) { return "", "", nil }
		}, false},
		"streamed credentials": {func(o *redis.Options) { o.StreamingCredentialsProvider = stream{} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			opts := &redis.Options{Addr: "127.0.0.1:1"}
			c.change(opts)
			require.Equal(t, c.want, isBounded(goredis.NewPool(newClient(t, opts))))
		})
	}
	sentinels := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "m", SentinelAddrs: []string{"127.0.0.1:1"}})
	defer sentinels.Close()
	require.True(t, isBounded(goredis.NewPool(sentinels)))
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	defer cluster.Close()
	require.False(t, isBounded(goredis.NewPool(cluster)))
}

// stream is a source of credentials that is never asked.
type stream struct{}

func (stream) Subscribe(auth.CredentialsListener) (auth.Credentials, auth.UnsubscribeFunc, error) {
	return nil, nil, errors.New("not here")
}

// limiter counts, and refuses when asked to.
type limiter struct {
	allowed, reported atomic.Int64
	refuse            atomic.Bool
}

var errRefused = errors.New("refused")

func (l *limiter) Allow() error {
	if l.refuse.Load() {
		return errRefused
	}
	l.allowed.Add(1)
	return nil
}

func (l *limiter) ReportResult(error) { l.reported.Add(1) }

func TestLimiterApplies(t *testing.T) {
	node, limit := redistest.StartOne(t), &limiter{}
	pool := goredis.NewPool(newClient(t, &redis.Options{Addr: node.Addr(), Limiter: limit}))
	requireGranted(t, pool, redistest.Name(t), "token")
	require.Positive(t, limit.allowed.Load())
	require.Equal(t, limit.allowed.Load(), limit.reported.Load())

	limit.refuse.Store(true)
	_, err := pool.Eval(within(t, patience), acquire("key", "token"))
	require.ErrorIs(t, err, errRefused)
}

func TestApplicationsClientStaysAsItWas(t *testing.T) {
	node := redistest.StartOne(t)
	client := newClient(t, &redis.Options{Addr: node.Addr(), ReadTimeout: time.Minute, MaxRetries: 5})
	before := settings(client)
	pool := goredis.NewPool(client)
	requireGranted(t, pool, redistest.Name(t), "token")
	require.Equal(t, before, settings(client))
	require.Equal(t, 5, client.Options().MaxRetries)
	require.False(t, client.Options().ContextTimeoutEnabled)

	// The connection that the pool has used is the application's.
	require.NoError(t, client.Ping(within(t, patience)).Err())
	require.EqualValues(t, 1, client.PoolStats().TotalConns)
}

// settings are the options that can be compared. Connecting may turn off the
// maintenance notifications of a client whose server has none.
func settings(client *redis.Client) redis.Options {
	opts := *client.Options()
	opts.MaintNotificationsConfig = nil
	opts.Dialer = nil
	return opts
}

// deadlines counts the deadlines that are set on a connection.
type deadlines struct {
	net.Conn
	read, write *atomic.Int64
}

func (d deadlines) SetDeadline(at time.Time) error {
	if !at.IsZero() {
		d.read.Add(1)
		d.write.Add(1)
	}
	return d.Conn.SetDeadline(at)
}

func (d deadlines) SetReadDeadline(at time.Time) error {
	if !at.IsZero() {
		d.read.Add(1)
	}
	return d.Conn.SetReadDeadline(at)
}

func (d deadlines) SetWriteDeadline(at time.Time) error {
	if !at.IsZero() {
		d.write.Add(1)
	}
	return d.Conn.SetWriteDeadline(at)
}

// A client with ReadTimeout or WriteTimeout -2 never clears a deadline, so one
// that a lock call left behind would fail a later command of the application.
func TestNoDeadlineIsLeftForClientsThatClearNone(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range []struct {
		read, write time.Duration
	}{{-2, time.Minute}, {time.Minute, -2}, {-2, -2}, {time.Minute, time.Minute}} {
		var read, write atomic.Int64
		client := newClient(t, &redis.Options{
			Addr: node.Addr(), ReadTimeout: c.read, WriteTimeout: c.write,
			Dialer: func(ctx context.Context, network, addr string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, addr)
				return deadlines{conn, &read, &write}, err
			},
		})
		requireGranted(t, goredis.NewPool(client), redistest.Name(t), "token")
		assert.Equal(t, c.read != -2, read.Load() > 0, "read deadlines with %d", c.read)
		assert.Equal(t, c.write != -2, write.Load() > 0, "write deadlines with %d", c.write)
	}
}

// A dial that hangs goes on without the call that wanted it.
func TestHungDial(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	client := newClient(t, &redis.Options{
		Dialer: func(context.Context, string, string) (net.Conn, error) {
			<-release
			return nil, net.ErrClosed
		},
	})
	pool := goredis.NewPool(client)
	done := make(chan error, 1)
	go func() {
		_, err := pool.Eval(within(t, 50*time.Millisecond), acquire("key", "token"))
		done <- err
	}()
	select {
	case err := <-done:
		require.ErrorIs(t, err, context.DeadlineExceeded)
	case <-time.After(patience):
		require.FailNow(t, "the call waits for the dial")
	}
}

// lagging is a ctx whose Done closes only after its deadline, as the engine's
// may.
type lagging struct {
	context.Context
	deadline time.Time
}

func (l lagging) Deadline() (time.Time, bool) { return l.deadline, true }

func TestDeadlineCountsBeforeDone(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithProxy())
	client := newClient(t, &redis.Options{Addr: node.Addr(), ReadTimeout: time.Hour})
	pool, key := goredis.NewPool(client), redistest.Name(t)
	requireGranted(t, pool, key, "token")

	past := lagging{within(t, patience), time.Now().Add(-time.Second)}
	sent := node.Proxy().Requests()
	_, err := pool.Eval(past, acquire(key, "other"))
	require.Error(t, err)
	require.False(t, driver.IsReply(err))
	require.NoError(t, past.Err(), "Done was still open when the call returned")
	require.Equal(t, sent, node.Proxy().Requests())

	node.Proxy().DropReplies(true)
	ahead := lagging{within(t, patience), time.Now().Add(50 * time.Millisecond)}
	_, err = pool.Eval(ahead, acquire(key, "other"))
	require.Error(t, err)
	require.False(t, driver.IsReply(err))
	require.NoError(t, ahead.Err(), "Done was still open when the call returned")
	require.Positive(t, node.Proxy().DroppedReplies())
}

// A connection is ready after two requests, in the second of which it says whose it is.
func TestDialIntroducesItselfAlongTheWay(t *testing.T) {
	for name, c := range map[string]struct {
		opts redis.Options
		says string
	}{
		"by default":    {redis.Options{}, "go-redis(,go"},
		"with a suffix": {redis.Options{IdentitySuffix: "mine"}, "go-redis(mine,go"},
		"disabled":      {redis.Options{DisableIdentity: true}, ""},
		//lint:ignore SA1019 applications may still use it
		"disabled as of old": {redis.Options{DisableIndentity: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var sent writes
			c.opts.Addr, c.opts.Dialer = redistest.Start(t, 1)[0].Addr(), sent.dial
			conn, err := goredis.NewPool(newClient(t, &c.opts)).(driver.Dialer).Dial(t.Context(), "")
			require.NoError(t, err)
			defer conn.Close()
			require.GreaterOrEqual(t, len(sent), 2)
			require.Contains(t, sent[0], "hello")
			require.Contains(t, sent[1], "hello")
			require.Equal(t, c.says != "", strings.Contains(sent[1], "LIB-NAME"), sent)
			require.Contains(t, sent[1], c.says)
		})
	}
}

// writes are what was written to a connection.
type writes []string

func (w *writes) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	return writesOf{conn, w}, err
}

type writesOf struct {
	net.Conn
	to *writes
}

func (w writesOf) Write(p []byte) (int, error) {
	*w.to = append(*w.to, string(p))
	return w.Conn.Write(p)
}
