package goredis

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
)

// processor is the part of a client that runs one command.
type processor interface {
	Process(ctx context.Context, cmd redis.Cmder) error
}

// eval runs call, a script by its digest, and by its source if the server has forgotten
// it. NOSCRIPT means that nothing was run, so this is no retry.
func eval(ctx context.Context, to processor, call *driver.Call) (any, error) {
	reply, err := run(ctx, to, call.Command())
	if err != nil && lacksScript(call, err) {
		reply, err = run(driver.ResendContext(ctx), to, call.SourceCommand())
	}
	return reply, err
}

// lacksScript reports whether the server has answered that it lacks the call's script.
func lacksScript(call *driver.Call, err error) bool {
	return call.Script() != nil && redis.HasErrorPrefix(err, "NOSCRIPT")
}

// request is a command together with its words, in one allocation.
//
// The words are a copy because hooks may rewrite them in place (that is how a
// key prefix is put on), and a Call's own words go to every node.
type request struct {
	redis.Cmd
	words [inlineWords]any
}

// inlineWords is how many words fit into a request. Taking a mutex needs seven,
// and one more for each earlier try of the same call.
const inlineWords = 8

// newRequest makes the command of words.
func newRequest(ctx context.Context, words []any) *redis.Cmd {
	r := new(request)
	r.Cmd = *redis.NewCmd(ctx, append(r.words[:0], words...)...)
	return &r.Cmd
}

// run sends one command and sorts what came back.
func run(ctx context.Context, to processor, words []any) (any, error) {
	cmd := newRequest(ctx, words)
	if err := to.Process(ctx, cmd); err != nil {
		return nil, classify(err)
	}
	return cmd.Val(), nil
}

// classify tells the server's answers from everything that may go wrong on the
// way: the former become a [driver.ReplyError], the latter stay what they are.
// A nil reply, an error in go-redis, is none here.
func classify(err error) error {
	var answer redis.Error
	switch {
	case errors.Is(err, redis.Nil):
		return nil
	case errors.Is(err, redis.TxFailedErr):
		return err // of the type of an answer, but made by the client
	case errors.As(err, &answer):
		return &driver.ReplyError{Err: err}
	default:
		return err
	}
}
