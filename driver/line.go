package driver

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Line is what an adapter provides for a [Subscription]: one connection on which
// one channel has been subscribed. [OpenLine] does the rest.
type Line interface {
	// Next waits for whatever comes next. message says whether it is a payload,
	// as opposed to any other sign of life, such as the answer to a Ping: a
	// refusal of it is one too.
	//
	// It must not time out by itself, and must never go on with another
	// connection.
	Next() (payload string, message bool, err error)
	// Ping sends a PING and does not wait for the answer, which Next gets. It is
	// called while Next is blocked.
	Ping() error
	// Close ends a blocked Next and a blocked Ping, and is called at any time and
	// more than once.
	Close()
}

// OpenLine makes a subscription of the line that open returns, and pings it at
// every interval. It is for adapters: see [Subscriber] for what it promises.
//
// open runs in a goroutine of its own. OpenLine does not wait for it beyond the
// end of ctx, and closes a line that comes later than that.
func OpenLine(ctx context.Context, interval time.Duration, open func(context.Context) (Line, error)) (Subscription, error) {
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
		return subscribe(o.line, interval), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// opening is what an open function returned.
type opening struct {
	line Line
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

// openFor calls open and hands over what comes of it, or closes it when nobody
// waits any more.
func openFor(ctx context.Context, opened chan<- opening, open func(context.Context) (Line, error)) {
	line, err := open(ctx)
	select {
	case opened <- opening{line, err}:
	case <-ctx.Done():
		if err == nil {
			line.Close()
		}
	}
}

// subscription is a line that is pinged.
//
// Silence is not told by a timeout for each read. That would need deadlines on
// the socket, which the clients handle each in its own way, and a timeout in the
// middle of a message would lose the place in the stream. Instead a read that is
// still the same one a whole interval after a PING was not answered.
type subscription struct {
	line Line

	reads   uint64        // how many reads there were; Receive's own
	reading atomic.Uint64 // the number of the read under way, or 0

	mu  sync.Mutex
	err error // why it ended; guarded by mu

	done    chan struct{} // closed when it has ended
	stopped chan struct{} // closed when nothing pings any more
}

func subscribe(line Line, interval time.Duration) *subscription {
	s := &subscription{line: line, done: make(chan struct{}), stopped: make(chan struct{})}
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
	return s.line.Next()
}

// Close implements [Subscription].
func (s *subscription) Close() error {
	s.end(net.ErrClosed)
	<-s.stopped
	return nil
}

// end ends the subscription for the first reason that there was.
func (s *subscription) end(reason error) {
	if s.endOnce(reason) {
		s.line.Close() // without the lock, as it is a driver's
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
// A PING goes out at every tick, busy or not. Who does not read at a tick is
// not waiting for anything, and what the server answered is not known.
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

// ping sends a PING. One that can not even be sent for a whole interval tells
// that the server is silent.
func (s *subscription) ping(interval time.Duration) {
	stuck := time.AfterFunc(interval, func() { s.end(ErrSilent) })
	defer stuck.Stop()
	if err := s.line.Ping(); err != nil {
		s.end(fmt.Errorf("driver: ping a subscription: %w", err))
	}
}
