package redigo

import (
	"context"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/driver"
)

// EvalBatch implements [driver.Batcher]: all calls on one connection, and the replies
// after them.
func (p *pool) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	replies := make([]driver.Reply, len(calls))
	if p.conns == nil {
		return failAll(replies, errNoPool)
	}
	conn, err := p.take(ctx)
	if err != nil {
		return failAll(replies, classify(err))
	}
	defer conn.Close()
	evalBatch(ctx, conn, calls, replies)
	if p.sort(replies) {
		abandon(conn)
	}
	if p.conns.IdleTimeout > 0 && conn.Err() == nil {
		p.used.Store(time.Now().UnixNano())
	}
	return replies
}

// evalBatch runs calls on one connection. The replies are redigo's: see sort.
func evalBatch(ctx context.Context, conn redis.Conn, calls []*driver.Call, replies []driver.Reply) {
	names, args := make([]string, len(calls)), make([][]any, len(calls))
	for i, call := range calls {
		names[i], args[i] = command(call)
	}
	pipeline(ctx, conn, names, args, replies)
	resend(ctx, conn, calls, replies)
}

// sort makes the engine's replies of redigo's, and reports whether one of them is from
// the wrong server.
func (p *pool) sort(replies []driver.Reply) (wrong bool) {
	for i := range replies {
		replies[i].Value = plain(replies[i].Value)
		if replies[i].Err != nil {
			replies[i] = driver.Reply{Err: classify(replies[i].Err)}
			wrong = p.failover.Observe(replies[i].Err) || wrong
		}
	}
	return wrong
}

func failAll(replies []driver.Reply, err error) []driver.Reply {
	for i := range replies {
		replies[i].Err = err
	}
	return replies
}

// resend runs the calls whose scripts the server lacks: the first of each script with
// its source.
func resend(ctx context.Context, conn redis.Conn, calls []*driver.Call, replies []driver.Reply) {
	var unknown []int
	var names []string
	var args [][]any
	sent := make(map[string]bool) // by digest
	for i, reply := range replies {
		if reply.Err == nil || !lacksScript(calls[i], reply.Err) {
			continue
		}
		name, its := command(calls[i])
		if script := calls[i].Script().SHA1(); !sent[script] {
			name, its = "EVAL", calls[i].SourceCommand()[1:]
			sent[script] = true
		}
		unknown, names, args = append(unknown, i), append(names, name), append(args, its)
	}
	if len(unknown) == 0 {
		return
	}
	again := make([]driver.Reply, len(unknown))
	pipeline(driver.ResendContext(ctx), conn, names, args, again)
	for i, at := range unknown {
		replies[at] = again[i]
	}
}

// pipeline sends commands at once and waits for their replies until the deadline of
// ctx. Once one is not there in time the connection is of no use any more, and every
// further one fails as well.
func pipeline(ctx context.Context, conn redis.Conn, names []string, args [][]any, replies []driver.Reply) {
	if err := sendAll(conn, names, args); err != nil {
		failAll(replies, err)
		return
	}
	for i := range replies {
		replies[i].Value, replies[i].Err = receive(ctx, conn)
	}
}

func sendAll(conn redis.Conn, names []string, args [][]any) error {
	for i := range names {
		if err := conn.Send(names[i], args[i]...); err != nil {
			return err
		}
	}
	return conn.Flush()
}

// receive waits for one reply. A connection that knows no timeouts says so before it
// reads.
func receive(ctx context.Context, conn redis.Conn) (any, error) {
	left, err := timeLeft(ctx, time.Now())
	if err != nil {
		left = time.Nanosecond // the connection must not be used again: what was sent will be answered
	}
	reply, err := redis.ReceiveWithTimeout(conn, left)
	if err == errNoReceiveTimeouts {
		if reply, err = redis.ReceiveContext(conn, ctx); err == errNoReceiveContexts {
			return conn.Receive()
		}
	}
	return reply, err
}

// See errNoTimeouts.
var (
	_, errNoReceiveTimeouts = redis.ReceiveWithTimeout(nil, 0)
	_, errNoReceiveContexts = redis.ReceiveContext(nil, context.Background())
)
