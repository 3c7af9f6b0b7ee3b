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
	"github.com/holdfast-go/holdfast/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

const interval = driver.PingInterval

// event is what a line's Next returns.
type event struct {
	payload string
	message bool
	err     error
}

// fakeLine is a line that a test feeds.
type fakeLine struct {
	events chan event
	ping   func() error // nil for a server that answers

	mu     sync.Mutex
	pings  int
	closes int
	closed chan struct{}
}

func newLine() *fakeLine {
	return &fakeLine{events: make(chan event, 1000), closed: make(chan struct{})}
}

func (l *fakeLine) Next() (string, bool, error) {
	select {
	case e := <-l.events:
		return e.payload, e.message, e.err
	case <-l.closed:
		return "", false, errors.New("the line is closed")
	}
}

func (l *fakeLine) Ping() error {
	l.mu.Lock()
	l.pings++
	l.mu.Unlock()
	if l.ping != nil {
		return l.ping()
	}
	l.events <- event{}
	return nil
}

func (l *fakeLine) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closes++; l.closes == 1 {
		close(l.closed)
	}
}

// counts are how often the line was pinged and closed.
func (l *fakeLine) counts() (pings, closes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pings, l.closes
}

// open makes a subscription of a line.
func open(t *testing.T, line driver.Line) driver.Subscription {
	t.Helper()
	sub, err := driver.OpenLine(t.Context(), interval, func(context.Context) (driver.Line, error) { return line, nil })
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sub.Close()) })
	return sub
}

func TestReceiveReturnsMessagesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newLine()
		sub := open(t, line)
		for _, e := range []event{{}, {"a", true, nil}, {}, {}, {"", true, nil}, {"b", true, nil}} {
			line.events <- e
		}
		for _, want := range []string{"a", "", "b"} {
			got, err := sub.Receive()
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	})
}

func TestAnErrorIsForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newLine()
		sub := open(t, line)
		line.events <- event{err: io.EOF}
		line.events <- event{"late", true, nil}
		for range 3 {
			_, err := sub.Receive()
			require.Equal(t, io.EOF, err)
			require.NoError(t, sub.Close())
		}
		_, closes := line.counts()
		require.Equal(t, 1, closes)
	})
}

func TestAnsweredPingsKeepItAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newLine()
		sub := open(t, line)
		time.AfterFunc(time.Hour+interval/2, func() { line.events <- event{"at last", true, nil} })
		got, err := sub.Receive()
		require.NoError(t, err)
		require.Equal(t, "at last", got)
		pings, _ := line.counts()
		require.Equal(t, int(time.Hour/interval), pings)
	})
}

// quiet is a ping that nobody answers.
func quiet() error { return nil }

func TestSilenceIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newLine()
		line.ping = quiet
		sub := open(t, line)
		start := time.Now()
		_, err := sub.Receive()
		require.Equal(t, driver.ErrSilent, err)
		require.Equal(t, 2*interval, time.Since(start))
	})
}

func TestMessagesAreSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newLine()
		line.ping = quiet
		sub := open(t, line)
		for range 100 {
			time.AfterFunc(interval-time.Second, func() { line.events <- event{"m", true, nil} })
			_, err := sub.Receive()
			require.NoError(t, err)
		}
		start := time.Now()
		_, err := sub.Receive()
		require.Equal(t, driver.ErrSilent, err)
		require.LessOrEqual(t, time.Since(start), 2*interval)
	})
}

// Who does not read can not tell silence from answers that lie in the connection.
func TestUnreadIsNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newLine()
		sub := open(t, line)
		line.events <- event{"first", true, nil}
		time.Sleep(time.Hour) // fake time
		line.events <- event{"second", true, nil}
		for _, want := range []string{"first", "second"} {
			got, err := sub.Receive()
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
	})
}

func TestPingThatCanNotBeSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken, stuck := newLine(), newLine()
		broken.ping = func() error { return io.ErrClosedPipe }
		stuck.ping = func() error { <-stuck.closed; return io.ErrClosedPipe }
		for line, want := range map[*fakeLine]error{broken: io.ErrClosedPipe, stuck: driver.ErrSilent} {
			sub, start := open(t, line), time.Now()
			_, err := sub.Receive()
			require.ErrorIs(t, err, want)
			require.LessOrEqual(t, time.Since(start), 2*interval)
		}
	})
}

func TestCloseEndsABlockedReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := newLine()
		sub := open(t, line)
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
		pings, closes := line.counts()
		require.Zero(t, pings)
		require.Equal(t, 1, closes)
	})
}

// Close waits for a ping that is under way, and ends it.
func TestCloseEndsABlockedPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, ended := newLine(), false
		line.ping = func() error { <-line.closed; ended = true; return io.ErrClosedPipe }
		sub := open(t, line)
		time.Sleep(interval + time.Second) // fake time: the ping is under way
		require.NoError(t, sub.Close())
		require.True(t, ended)
	})
}

// A line that comes when nobody waits any more is closed.
func TestOpeningIsBoundedByItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line, come := newLine(), make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		sub, err := driver.OpenLine(ctx, interval, func(context.Context) (driver.Line, error) {
			<-come
			return line, nil
		})
		require.Equal(t, context.DeadlineExceeded, err)
		require.Nil(t, sub)
		close(come)
		synctest.Wait()
		pings, closes := line.counts()
		require.Zero(t, pings)
		require.Equal(t, 1, closes)
	})
}

func TestAnEndedContextOpensNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := driver.OpenLine(ctx, interval, func(context.Context) (driver.Line, error) {
		t.Error("opened")
		return nil, io.EOF
	})
	require.Equal(t, context.Canceled, err)
}

// What an opening runs into once its ctx has ended is told together with that,
// unless it is the server's own word.
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
		_, err := driver.OpenLine(ctx, interval, func(context.Context) (driver.Line, error) {
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
