package driver

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// SubscriptionConn is what an adapter provides for a [Subscription]: one connection on
// which one channel has been subscribed. [OpenSubscription] does the rest.
type SubscriptionConn interface {
	// Next waits for the next thing that the server sends. message reports whether it
	// is a message, of which payload is the payload. Anything else, such as the
	// answer to a Ping or its refusal, only shows that the server is there.
	//
	// It must not time out by itself, and must never go on with another
	// connection.
	Next() (payload string, message bool, err error)
	// Ping sends a PING and does not wait for the answer, which Next receives. It is
	// called while Next is blocked.
	Ping() error
	// Close ends a blocked Next and a blocked Ping, and is called at any time and
	// more than once.
	Close()
}

// OpenSubscription makes a subscription of the connection that open returns, and pings
// it at every interval, by default at every [PingInterval]. Adapters implement [Subscriber] with it.
//
// open runs in a goroutine of its own. OpenSubscription does not wait for it beyond the
// end of ctx, and closes a connection that comes later than that.
func OpenSubscription(ctx context.Context, interval time.Duration, open func(context.Context) (SubscriptionConn, error)) (Subscription, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	opened := make(chan opening)
	go openFor(ctx, opened, open)
	select {
	case o := <-opened:
		if o.err != nil {
			return nil, openError(ctx, o.err)
		}
		return newSubscription(o.conn, cmp.Or(interval, PingInterval)), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// opening is what an open function returned.
type opening struct {
	conn SubscriptionConn
	err  error
}

// openError adds that ctx has ended to an error that is perhaps only its
// consequence.
func openError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && !IsReply(err) {
		return fmt.Errorf("%w: %w", ended, err)
	}
	return err
}

// openFor calls open and sends its outcome, or closes the connection when ctx has ended.
func openFor(ctx context.Context, opened chan<- opening, open func(context.Context) (SubscriptionConn, error)) {
	conn, err := open(ctx)
	select {
	case opened <- opening{conn, err}:
	case <-ctx.Done():
		if err == nil {
			conn.Close()
		}
	}
}

// subscription pings a connection.
//
// Silence is not noticed by a timeout for each read. That would need deadlines on
// the socket, which the clients handle each in its own way. And a timeout in the
// middle of a message would lose the rest of the stream. Instead, a read that is
// still the same one a whole interval after a PING was not answered.
type subscription struct {
	conn SubscriptionConn

	reads   uint64        // how many reads there were; Receive's own
	reading atomic.Uint64 // the number of the read under way, or 0

	mu  sync.Mutex
	err error // why it ended; guarded by mu

	done    chan struct{} // closed when it has ended
	stopped chan struct{} // closed when watch has returned
}

func newSubscription(conn SubscriptionConn, interval time.Duration) *subscription {
	s := &subscription{conn: conn, done: make(chan struct{}), stopped: make(chan struct{})}
	go s.watch(interval)
	return s
}

// Receive implements [Subscription].
func (s *subscription) Receive() (string, error) {
	for s.ended() == nil {
		payload, message, err := s.next()
		if err != nil {
			s.end(err)
		} else if message {
			return payload, nil
		}
	}
	return "", s.ended()
}

// next reads once, under a new number.
func (s *subscription) next() (payload string, message bool, err error) {
	s.reads++
	s.reading.Store(s.reads)
	defer s.reading.Store(0)
	return s.conn.Next()
}

// Close implements [Subscription].
func (s *subscription) Close() error {
	s.end(net.ErrClosed)
	<-s.stopped
	return nil
}

// end ends the subscription. The first reason stays.
func (s *subscription) end(reason error) {
	if s.endOnce(reason) {
		s.conn.Close() // without the lock, as it is a driver's
	}
}

// endOnce notes the reason, and reports whether it was the first.
func (s *subscription) endOnce(reason error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return false
	}
	s.err = reason
	close(s.done)
	return true
}

// ended returns why the subscription has ended, or nil.
func (s *subscription) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// watch pings until the subscription ends, and ends it when there is no answer.
//
// A PING goes out at every tick, busy or not. Where no read is under way at a tick, the
// answer may lie unread in the connection.
func (s *subscription) watch(interval time.Duration) {
	defer close(s.stopped)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for last := uint64(0); s.tick(ticker.C); {
		reading := s.reading.Load()
		if reading != 0 && reading == last {
			s.end(ErrSilent)
			return
		}
		last = reading
		s.ping(interval)
	}
}

// tick waits for the next tick. It returns false when the subscription has ended.
func (s *subscription) tick(ticks <-chan time.Time) bool {
	select {
	case <-ticks:
		return true
	case <-s.done:
		return false
	}
}

// ping sends a PING. A server that does not even take it for a whole interval is
// silent.
func (s *subscription) ping(interval time.Duration) {
	stuck := time.AfterFunc(interval, func() { s.end(ErrSilent) })
	defer stuck.Stop()
	if err := s.conn.Ping(); err != nil {
		s.end(fmt.Errorf("driver: ping a subscription: %w", err))
	}
}
