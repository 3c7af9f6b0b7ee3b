package driver

import (
	"context"
	"errors"
	"time"
)

// Subscriber is implemented by a Pool that can receive what scripts publish, so
// that a waiter is notified instead of polling.
//
// A Pool that is not a Subscriber, and one whose Subscribe fails, still serves as a
// voter: its waiters poll.
type Subscriber interface {
	// Subscribe opens one connection of its own, subscribes channel on it, and
	// returns once the server has confirmed it. What is published from then on is
	// received. The channel's name is sent byte for byte.
	//
	// ctx bounds only the opening, and carries a deadline as it does for Eval.
	// Subscribe returns when ctx ends, and closes a connection that is made later.
	//
	// A refusal by the server itself (no permission for the channel or the
	// command, a wrong password) is a [*ReplyError]. A retry does not change
	// that soon. An [ErrNoSubscribe] is for good.
	Subscribe(ctx context.Context, channel string) (Subscription, error)
}

// Subscription is one channel on one connection. The caller closes it, also
// after an error.
type Subscription interface {
	// Receive returns the payload of the next message, in the order in which the
	// server sent them. It blocks until there is one, or an error, or Close.
	// Messages that arrive between two calls wait in the connection; a server
	// closes one with too many of them. Only one goroutine may call Receive at a time.
	//
	// After an error the subscription has ended, and every further call returns
	// the same error at once. Nothing reconnects: messages may have been missed, so
	// the caller subscribes anew, and then asks for what it waits for. After Close
	// the error is [net.ErrClosed].
	//
	// [ErrSilent] is the error when a server no longer answers: a PING is sent
	// every [PingInterval], and has to be answered within the same time.
	Receive() (string, error)

	// Close ends the subscription and a blocked Receive, and returns when its
	// goroutines have ended. It may be called from any goroutine, at any time and
	// more than once.
	Close() error
}

// PingInterval is how often a subscription sends a PING. A server that stops answering
// is noticed within twice that time.
const PingInterval = 10 * time.Second

// Reasons why there is no subscription.
var (
	// ErrNoSubscribe means that this pool's client cannot subscribe, now or later.
	ErrNoSubscribe = errors.New("driver: the client cannot subscribe")
	// ErrSilent ends a subscription whose server has not answered a PING.
	ErrSilent = errors.New("driver: no answer to PING on the subscription's connection")
)
