package driver_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/faketime"
	"github.com/holdfast-go/holdfast/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const interval = driver.PingInterval

// event is what a connection's Next returns.
type event struct {
	payload string
	message bool
	err     error
}

// fakeConn is a connection that a test feeds.
type fakeConn struct {
	events chan event
	ping   func() error // nil for a server that answers

	mu     sync.Mutex
	pings  int
	closes int
	closed chan struct{}
}

func newConn() *fakeConn {
	return &fakeConn{events: make(chan event, 1000), closed: make(chan struct{})}
}

func (c *fakeConn) Next() (string, bool, error) {
	select {
	case e := <-c.events:
		return e.payload, e.message, e.err
	case <-c.closed:
		return "", false, errors.New("the connection is closed")
	}
}

func (c *fakeConn) Ping() error {
	c.mu.Lock()
	c.pings++
	c.mu.Unlock()
	if c.ping != nil {
		return c.ping()
	}
	c.events <- event{}
	return nil
}

func (c *fakeConn) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closes++; c.closes == 1 {
		close(c.closed)
	}
}

// counts are how often the connection was pinged and closed.
func (c *fakeConn) counts() (pings, closes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pings, c.closes
}

// open makes a subscription of a connection.
func open(t *testing.T, conn driver.SubscriptionConn) driver.Subscription {
	t.Helper()
	sub, err := driver.OpenSubscription(t.Context(), interval, func(context.Context) (driver.SubscriptionConn, error) { return conn, nil })
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sub.Close()) })
	return sub
}

func TestReceiveReturnsMessagesOnly(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		conn := newConn()
		sub := open(t, conn)
		for _, e := range []event{{}, {"a", true, nil}, {}, {}, {"", true, nil}, {"b", true, nil}} {
			conn.events <- e
		}
		for _, want := range []string{"a", "", "b"} {
			got, err := sub.Receive()
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	})
}

func TestAnErrorIsForGood(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		conn := newConn()
		sub := open(t, conn)
		conn.events <- event{err: io.EOF}
		conn.events <- event{"late", true, nil}
		for range 3 {
			_, err := sub.Receive()
			require.Equal(t, io.EOF, err)
			require.NoError(t, sub.Close())
		}
		_, closes := conn.counts()
		require.Equal(t, 1, closes)
	})
}

func TestAnsweredPingsKeepItAlive(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		conn := newConn()
		sub := open(t, conn)
		time.AfterFunc(time.Hour+interval/2, func() { conn.events <- event{"at last", true, nil} })
		got, err := sub.Receive()
		require.NoError(t, err)
		require.Equal(t, "at last", got)
		pings, _ := conn.counts()
		require.Equal(t, int(time.Hour/interval), pings)
	})
}

// quiet is a ping without an answer.
func quiet() error { return nil }

func TestSilenceIsNoticed(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		conn := newConn()
		conn.ping = quiet
		sub := open(t, conn)
		start := time.Now()
		_, err := sub.Receive()
		require.Equal(t, driver.ErrSilent, err)
		require.Equal(t, 2*interval, time.Since(start))
	})
}

// An interval of 0 is that of most drivers.
func TestPingsHaveADefaultInterval(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		conn := newConn()
		conn.ping = quiet
		sub, err := driver.OpenSubscription(t.Context(), 0, func(context.Context) (driver.SubscriptionConn, error) { return conn, nil })
		require.NoError(t, err)
		start := time.Now()
		_, err = sub.Receive()
		require.Equal(t, driver.ErrSilent, err)
		require.Equal(t, 2*driver.PingInterval, time.Since(start))
		require.NoError(t, sub.Close())
	})
}

func TestMessagesAreSignsOfLife(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		conn := newConn()
		conn.ping = quiet
		sub := open(t, conn)
		for range 100 {
			time.AfterFunc(interval-time.Second, func() { conn.events <- event{"m", true, nil} })
			_, err := sub.Receive()
			require.NoError(t, err)
		}
		start := time.Now()
		_, err := sub.Receive()
		require.Equal(t, driver.ErrSilent, err)
		require.LessOrEqual(t, time.Since(start), 2*interval)
	})
}

// Without reading, silence and answers that lie in the connection are the same.
func TestUnreadIsNotSilent(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		conn := newConn()
		sub := open(t, conn)
		conn.events <- event{"first", true, nil}
		time.Sleep(time.Hour) // fake time
		conn.events <- event{"second", true, nil}
		for _, want := range []string{"first", "second"} {
			got, err := sub.Receive()
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	})
}

func TestPingThatCannotBeSent(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		broken, stuck := newConn(), newConn()
		broken.ping = func() error { return io.ErrClosedPipe }
		stuck.ping = func() error { <-stuck.closed; return io.ErrClosedPipe }
		for conn, want := range map[*fakeConn]error{broken: io.ErrClosedPipe, stuck: driver.ErrSilent} {
			sub, start := open(t, conn), time.Now()
			_, err := sub.Receive()
			require.ErrorIs(t, err, want)
			require.LessOrEqual(t, time.Since(start), 2*interval)
		}
	})
}

func TestCloseEndsABlockedReceive(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		conn := newConn()
		sub := open(t, conn)
		received := make(chan error)
		go func() {
			_, err := sub.Receive()
			received <- err
		}()
		synctest.Wait()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { _ = sub.Close() })
		}
		require.Equal(t, net.ErrClosed, <-received)
		all.Wait()
		time.Sleep(time.Hour) // fake time, in which a ping would be due
		pings, closes := conn.counts()
		require.Zero(t, pings)
		require.Equal(t, 1, closes)
	})
}

// Close waits for a ping that is under way, and ends it.
func TestCloseEndsABlockedPing(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		conn, ended := newConn(), false
		conn.ping = func() error { <-conn.closed; ended = true; return io.ErrClosedPipe }
		sub := open(t, conn)
		time.Sleep(interval + time.Second) // fake time: the ping is under way
		require.NoError(t, sub.Close())
		require.True(t, ended)
	})
}

// A connection that comes after the end of ctx is closed.
func TestOpeningIsBoundedByItsContext(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		conn, come := newConn(), make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		sub, err := driver.OpenSubscription(ctx, interval, func(context.Context) (driver.SubscriptionConn, error) {
			<-come
			return conn, nil
		})
		require.Equal(t, context.DeadlineExceeded, err)
		require.Nil(t, sub)
		close(come)
		synctest.Wait()
		pings, closes := conn.counts()
		require.Zero(t, pings)
		require.Equal(t, 1, closes)
	})
}

func TestAnEndedContextOpensNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := driver.OpenSubscription(ctx, interval, func(context.Context) (driver.SubscriptionConn, error) {
		t.Error("opened")
		return nil, io.EOF
	})
	require.Equal(t, context.Canceled, err)
}

// What an opening runs into once its ctx has ended is reported together with
// that, unless it is the server's own answer.
func TestOpeningErrors(t *testing.T) {
	answer := &driver.ReplyError{Err: errors.New("NOPERM")}
	for _, c := range []struct {
		err   error
		late  bool
		wants []error
	}{
		{io.EOF, false, []error{io.EOF}},
		{io.EOF, true, []error{context.Canceled}}, // and mostly io.EOF
		{answer, false, []error{answer}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := driver.OpenSubscription(ctx, interval, func(context.Context) (driver.SubscriptionConn, error) {
			if c.late {
				cancel()
			}
			return nil, c.err
		})
		cancel()
		for _, want := range c.wants {
			require.ErrorIs(t, err, want)
		}
		require.Equal(t, c.err == answer, driver.IsReply(err))
	}
}
