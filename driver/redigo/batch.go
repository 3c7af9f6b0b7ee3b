package redigo

import (
	"context"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/driver"
)

// evalBatch runs calls on one connection: all of them are sent before the first reply is
// read.
func evalBatch(ctx context.Context, on redis.Conn, calls []*driver.Call) []driver.Reply {
	return driver.EvalBatch(ctx, calls, func(ctx context.Context, _ []*driver.Call, words [][]any) []driver.Reply {
		return pipeline(ctx, on, words)
	})
}

// pipeline sends commands at once and waits for their replies until the deadline of
// ctx. Once one is not there in time the connection is of no use any more, and every
// further one fails for the same reason.
func pipeline(ctx context.Context, on redis.Conn, words [][]any) []driver.Reply {
	if err := sendAll(on, words); err != nil {
		return driver.FailBatch(len(words), classify(err))
	}
	replies := make([]driver.Reply, 0, len(words))
	for range words {
		value, err := outcome(receive(ctx, on))
		if err != nil && !driver.IsReply(err) {
			return append(replies, driver.FailBatch(len(words)-len(replies), err)...)
		}
		replies = append(replies, driver.Reply{Value: value, Err: err})
	}
	return replies
}

func sendAll(on redis.Conn, words [][]any) error {
	for _, its := range words {
		if err := on.Send(name(its), its[1:]...); err != nil {
			return err
		}
	}
	return on.Flush()
}

// receive waits for one reply. A connection that knows no timeouts says so before it
// reads.
func receive(ctx context.Context, on redis.Conn) (any, error) {
	left, err := timeLeft(ctx, time.Now())
	if err != nil {
		left = time.Nanosecond // the connection must not be used again: what was sent will be answered
	}
	reply, err := redis.ReceiveWithTimeout(on, left)
	if err == errNoReceiveTimeouts {
		if reply, err = redis.ReceiveContext(on, ctx); err == errNoReceiveContexts {
			return on.Receive()
		}
	}
	return reply, err
}
