// Package foreign is a driver of one method, written outside of Holdfast.
package foreign

import (
	"context"
	"errors"
	"strings"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/driver"
)

// Pool is a pool of a server whose connections are used once.
type Pool struct{ Addr string }

// Eval implements driver.Pool.
func (p Pool) Eval(ctx context.Context, call *driver.Call) (any, error) {
	conn, err := redis.DialContext(ctx, "tcp", p.Addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	reply, err := p.send(ctx, conn, call.Command())
	if call.Script() != nil && driver.IsReply(err) && strings.HasPrefix(err.Error(), "NOSCRIPT") {
		return p.send(ctx, conn, call.SourceCommand())
	}
	return reply, err
}

func (p Pool) send(ctx context.Context, conn redis.Conn, words []any) (any, error) {
	reply, err := redis.DoContext(conn, ctx, words[0].(string), words[1:]...)
	if answer := redis.Error(""); errors.As(err, &answer) {
		return nil, &driver.ReplyError{Err: err}
	}
	return plain(reply), err
}

func plain(reply any) any {
	switch reply := reply.(type) {
	case []byte:
		return string(reply)
	case []any:
		for i := range reply {
			reply[i] = plain(reply[i])
		}
	}
	return reply
}
