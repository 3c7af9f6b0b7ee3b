package redigo_test

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/drivertest"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// counting is a type as applications have them around a pool.
type counting struct {
	inner *redis.Pool
	taken atomic.Int64
}

func (c *counting) Get() redis.Conn { return c.inner.Get() }

func (c *counting) GetContext(ctx context.Context) (redis.Conn, error) {
	c.taken.Add(1)
	return c.inner.GetContext(ctx)
}

func (c *counting) Close() error { return c.inner.Close() }

// openWrapped is open with a type that wraps the pool.
func openWrapped(t testing.TB, addr string, opts drivertest.Options) (driver.Pool, func()) {
	conns := newPool(addr, opts)
	closeOnce := sync.OnceFunc(func() { _ = conns.Close() })
	t.Cleanup(closeOnce)
	return redigo.NewPool(&counting{inner: conns}), closeOnce
}

func TestConformanceOfAWrapper(t *testing.T) { drivertest.Run(t, openWrapped) }

// What a wrapper loses is what the documentation says.
func TestAbilitiesOfAWrapper(t *testing.T) {
	pool, _ := openWrapped(t, "127.0.0.1:1", drivertest.Options{})
	require.Implements(t, (*driver.Batcher)(nil), pool)
	require.NotImplements(t, (*driver.Dialer)(nil), pool)
	require.NotImplements(t, (*driver.Bounded)(nil), pool)
	require.NotImplements(t, (*driver.Subscriber)(nil), pool)
}

// A wrapper is asked for every connection, and gets it back.
func TestWrapperIsUsed(t *testing.T) {
	node := redistest.StartOne(t)
	conns := &counting{inner: newPool(node.Addr(), drivertest.Options{MaxConns: 1})}
	t.Cleanup(func() { _ = conns.Close() })
	m, other := newMutex(t, conns)
	require.NoError(t, m.Lock())
	before := conns.taken.Load()
	require.Positive(t, before)
	require.ErrorAs(t, other.TryLock(), new(*mutex.ErrTaken))
	require.Greater(t, conns.taken.Load(), before)

	locked := make(chan error, 1)
	go func() { locked <- other.Lock() }() // by polling
	ok, err := m.Unlock()
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, <-locked)
	ok, err = other.Unlock()
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, 1, conns.inner.ActiveCount())
	require.Equal(t, 1, conns.inner.IdleCount())
}

// newMutex makes two mutexes of one name, as two processes would.
func newMutex(t testing.TB, conns redigo.Source) (m, other *mutex.Mutex) {
	t.Helper()
	name, often := redistest.Name(t), mutex.WithRetryDelay(20*time.Millisecond)
	return mutex.New(redigo.NewPool(conns)).NewMutex(name, often),
		mutex.New(redigo.NewPool(conns)).NewMutex(name, often, mutex.WithUnlimitedTries())
}

// A connection that the application holds is one that locks lack: a stated loss.
func TestWrapperSharesItsConnections(t *testing.T) {
	node := redistest.StartOne(t)
	conns := newPool(node.Addr(), drivertest.Options{MaxConns: 1})
	t.Cleanup(func() { _ = conns.Close() })
	theirs := conns.Get()
	require.NoError(t, theirs.Err())
	key := redistest.Name(t)
	_, err := redigo.NewPool(&counting{inner: conns}).Eval(within(t, 20*time.Millisecond), acquire(key, "token"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	conn, err := redigo.NewPool(conns).(driver.Dialer).Dial(within(t, patience), "") // the pool itself has another
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.NoError(t, theirs.Close())
}

// list is a type that cannot be compared.
type list []*redis.Pool

func (l list) GetContext(ctx context.Context) (redis.Conn, error) { return l[0].GetContext(ctx) }

func TestIdentityOfAWrapper(t *testing.T) {
	node := redistest.StartOne(t)
	conns := newPool(node.Addr(), drivertest.Options{})
	t.Cleanup(func() { _ = conns.Close() })
	wrapper := &counting{inner: conns}
	err := mutex.New(redigo.NewPool(wrapper), redigo.NewPool(wrapper)).NewMutex("name").TryLock()
	require.ErrorIs(t, err, mutex.ErrConfig)
	require.ErrorContains(t, err, "same server")

	require.Empty(t, redigo.NewPool(list{conns}).(driver.Identified).Identity())
	m, _ := newMutex(t, list{conns})
	require.NoError(t, m.TryLock())
	_, err = m.Unlock()
	require.NoError(t, err)
}

func TestValidateAWrapper(t *testing.T) {
	for name, conns := range map[string]redigo.Source{"nil": nil, "nil wrapper": (*counting)(nil)} {
		t.Run(name, func(t *testing.T) {
			pool := redigo.NewPool(conns)
			require.ErrorContains(t, pool.(driver.Validator).Validate(), "nil pool")
			_, err := pool.Eval(within(t, patience), acquire("key", "token"))
			require.ErrorContains(t, err, "nil pool")
			for _, reply := range pool.(driver.Batcher).EvalBatch(within(t, patience), []*driver.Call{acquire("key", "token")}) {
				require.ErrorContains(t, reply.Err, "nil pool")
			}
			require.ErrorIs(t, mutex.New(pool).NewMutex("name").TryLock(), mutex.ErrConfig)
		})
	}
	require.NoError(t, redigo.NewPool(&counting{}).(driver.Validator).Validate())
}

// failing is a type that has no connection.
type failing struct{ err error }

func (f failing) GetContext(context.Context) (redis.Conn, error) { return nil, f.err }

// What a wrapper says in place of a connection is no reply, unless the server has sent it.
func TestErrorsOfAWrapper(t *testing.T) {
	for err, answer := range map[error]bool{
		io.EOF:                 false,
		redis.ErrPoolExhausted: false,
		redis.ErrNil:           false,
		redis.Error("WRONGPASS invalid password"): true,
	} {
		_, got := redigo.NewPool(failing{err}).Eval(within(t, patience), acquire("key", "token"))
		assert.ErrorIs(t, got, err)
		assert.Equal(t, answer, driver.IsReply(got), "%v", err)
	}
}
