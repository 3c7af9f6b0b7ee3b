package driver

import (
	"context"
	"errors"
	"time"
)

// Subscriber is implemented by a Pool that can receive what scripts publish, so
// that a waiter is woken instead of polling.
//
// A Pool that is not a Subscriber, and one whose Subscribe fails for whatever
// reason, serves as a voter all the same: its waiters poll.
type Subscriber interface {
	// Subscribe opens one connection of its own, subscribes channel on it, and
	// returns once the server has confirmed that: what is published from then on
	// will be received. The channel's name is sent byte for byte.
	//
	// ctx bounds only the opening, and carries a deadline as it does for Eval.
	// Subscribe returns when ctx ends, and a connection that comes about later
	// is closed.
	//
	// A refusal by the server itself (no permission for the channel or the
	// command, a wrong password) is a [*ReplyError], and trying again soon is of
	// no use. An error that is [ErrNoSubscribe] will not go away at all.
	Subscribe(ctx context.Context, channel string) (Subscription, error)
}

// Subscription is one channel on one connection. The caller closes it, also
// after an error.
type Subscription interface {
	// Receive returns the payload of the next message, in the order in which the
	// server sent them. It blocks until there is one, or an error, or Close.
	// Messages that arrive between two calls wait in the connection; a server
	// that has too many of them waiting cuts it. Only one goroutine may call
	// Receive at a time.
	//
	// After an error the subscription is dead, and every further call returns
	// the same error at once. Nothing reconnects: messages may have been missed,
	// and whoever needs more has to subscribe anew and then look again at what
	// it waits for. After Close the error is [net.ErrClosed].
	//
	// A server that has fallen silent is such an error too. It is sent a PING
	// every [PingInterval] and is given the same time to answer.
	Receive() (string, error)

	// Close ends the subscription and a blocked Receive, and returns when nothing
	// of it is left running. It may be called from any goroutine, at any time and
	// more than once.
	Close() error
}

// PingInterval is how often a subscription asks whether its server is there.
// One that stops answering is noticed within twice that time.
const PingInterval = 10 * time.Second

// Reasons for which there is no subscription.
var (
	// ErrNoSubscribe says that this pool's client can not subscribe, now or
	// later.
	ErrNoSubscribe = errors.New("driver: the client can not subscribe")
	// ErrSilent ends a subscription whose server has not answered a PING.
	ErrSilent = errors.New("driver: no answer to PING on the subscription's connection")
)
