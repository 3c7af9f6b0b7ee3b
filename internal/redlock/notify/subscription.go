package notify

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

// A subscription that could not be opened, or broke, is opened again after a pause that
// grows from MinPause to MaxPause.
const (
	MinPause = 50 * time.Millisecond
	MaxPause = 5 * time.Second
)

// subscription is the one to a node's channel, over all connections that it takes.
type subscription struct {
	node       int
	subscriber driver.Subscriber // nil if the driver cannot subscribe
	open       atomic.Int32      // connections that are subscribed
	failed     atomic.Bool       // the last attempt to open it has
	announced  int               // of these: whose opening waiters were notified of; the notifier's mutex guards it
}

// observer is called with what becomes of a subscription.
type observer interface {
	opened(node int)              // from now on nothing is missed …
	received(node int, id string) // … and this was published …
	ended(node int)               // … until now
}

func (s *subscription) init(node int, subscriber driver.Subscriber) {
	s.node, s.subscriber = node, subscriber
}

func (s *subscription) isOpen() bool { return s.open.Load() > 0 }

// keep keeps the subscription open until ctx ends.
func (s *subscription) keep(ctx context.Context, channel string, to observer) {
	for pause := MinPause; ctx.Err() == nil; pause = min(2*pause, MaxPause) {
		switch subscribed, err := s.receive(ctx, channel, to); {
		case subscribed:
			pause = MinPause
		case errors.Is(err, driver.ErrNoSubscribe):
			return
		case driver.IsReply(err): // a permission is missing
			pause = MaxPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// receive subscribes once, passes messages on until the connection breaks or ctx ends, and
// reports whether it had subscribed, and what ended it.
func (s *subscription) receive(ctx context.Context, channel string, to observer) (bool, error) {
	opening, cancel := context.WithTimeout(ctx, MaxPause)
	connection, err := s.subscriber.Subscribe(opening, channel)
	cancel()
	s.failed.Store(err != nil && ctx.Err() == nil)
	if err != nil {
		return false, err
	}
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	defer func() {
		if stop() {
			_ = connection.Close()
		}
	}()
	s.open.Add(1)
	defer func() {
		s.open.Add(-1)
		to.ended(s.node)
	}()
	to.opened(s.node)
	for {
		ids, err := connection.Receive()
		if err != nil {
			return true, err
		}
		for id := range strings.SplitSeq(ids, " ") {
			to.received(s.node, id)
		}
	}
}
