package rueidis

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast/driver"
)

// errWrong is a connection that leads to another server than a new one would.
var errWrong = fmt.Errorf("rueidis: %w", driver.ErrNotSent)

// dedicated is a connection of the client's that only its owner uses. Close closes it, and
// release gives it back.
type dedicated struct {
	rueidis.DedicatedClient
	release func()
}

// dedicate takes a connection. Where none is idle the client makes one, and knows no limit
// for that but its own dial timeout. One that comes after the end of ctx is given back.
func dedicate(ctx context.Context, client rueidis.Client) (dedicated, error) {
	made := make(chan dedicated)
	go func() {
		conn, release := client.Dedicate()
		select {
		case made <- dedicated{conn, release}:
		case <-ctx.Done():
			release()
		}
	}()
	select {
	case d := <-made:
		return d, nil
	case <-ctx.Done():
		return dedicated{}, ctx.Err()
	}
}

// greet finds out whether a connection was made, and whether it speaks RESP3. It sends a
// HELLO, which no user can be forbidden: the client hides a failure until the first command.
// A server that knows HELLO, but not without arguments, as embedded ones do, has been greeted
// in RESP3. On error the connection is closed.
func (d dedicated) greet(ctx context.Context) (resp3 bool, err error) {
	result := d.Do(ctx, d.B().Arbitrary("HELLO").Build())
	if err := result.NonRedisError(); err != nil {
		d.Close()
		return false, classify(err)
	}
	said, err := result.ToMessage()
	if err != nil {
		return strings.Contains(err.Error(), "wrong number of arguments"), nil
	}
	return said.IsMap(), nil
}

// Dial implements [driver.Dialer].
func (s *single) Dial(ctx context.Context, _ string) (driver.Conn, error) {
	if s.client == nil {
		return nil, errNoClient
	}
	made, err := dedicate(ctx, s.client)
	if err != nil {
		return nil, err
	}
	resp3, err := made.greet(ctx)
	switch {
	case err != nil:
		return nil, err
	case !resp3:
		made.release()
		return shared{s}, nil
	}
	return &conn{DedicatedClient: made, pool: s}, nil
}

// conn is one connection of the engine's own.
type conn struct {
	rueidis.DedicatedClient
	pool  *single
	wrong bool // the server has said that it is not the one that serves the address
}

// Eval implements [driver.Conn].
func (c *conn) Eval(ctx context.Context, call *driver.Call) (any, error) {
	if c.wrong {
		return nil, errWrong
	}
	reply, err := eval(ctx, c.DedicatedClient, call)
	c.wrong = err != nil && c.pool.failover.Observe(err)
	return reply, err
}

// EvalBatch implements [driver.Conn].
func (c *conn) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	if c.wrong {
		return driver.FailBatch(len(calls), errWrong)
	}
	replies := evalBatch(ctx, c.DedicatedClient, calls)
	c.wrong = c.pool.failover.ObserveBatch(replies)
	return replies
}

// Bounded implements [driver.Conn]. The deadline of ctx is that of the socket.
func (c *conn) Bounded() bool { return true }

// Close implements [driver.Conn].
func (c *conn) Close() error {
	c.DedicatedClient.Close()
	return nil
}

// shared stands for a connection that speaks RESP2. Each that is closed would leave
// another one open, which the client makes for subscriptions beside it. So calls take
// a connection of the client's in turn; Dial has made one.
type shared struct{ *single }

// Bounded implements [driver.Conn]. The call may have to make a connection.
func (shared) Bounded() bool { return false }

// Close implements [driver.Conn].
func (shared) Close() error { return nil }
