package goredis

import (
	"context"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
)

// processor is the part of a client that runs one command.
type processor interface {
	Process(ctx context.Context, cmd redis.Cmder) error
}

// sender runs single commands and pipelines; [redis.Client] and [redis.Conn]
// both do.
type sender interface {
	processor
	Pipeline() redis.Pipeliner
}

// eval runs call, a script by its digest, and by its source if the server has forgotten
// it. NOSCRIPT means that nothing was run, so this is no retry.
func eval(ctx context.Context, to processor, call *driver.Call) (any, error) {
	reply, err := run(ctx, to, call.Command())
	if err != nil && call.LacksScript(err) {
		reply, err = run(driver.ResendContext(ctx), to, call.SourceCommand())
	}
	return reply, err
}

// evalBatch runs calls in one pipeline, and in a second one those whose scripts the
// server had forgotten.
func evalBatch(ctx context.Context, to sender, calls []*driver.Call) []driver.Reply {
	return driver.EvalBatch(ctx, calls, func(ctx context.Context, _ []*driver.Call, words [][]any) []driver.Reply {
		return pipeline(ctx, to, words)
	})
}

// pipeline sends commands at once and sorts what came back. The client sends them
// once, as it does single ones: see bind.
func pipeline(ctx context.Context, to sender, words [][]any) []driver.Reply {
	cmds := newRequests(ctx, words)
	queued := make([]redis.Cmder, len(cmds))
	for i := range cmds {
		queued[i] = &cmds[i]
	}
	pipe := to.Pipeline()
	_ = pipe.BatchProcess(ctx, queued...) // only queues them
	_, failed := pipe.Exec(ctx)
	replies := make([]driver.Reply, len(words))
	for i := range cmds {
		replies[i] = outcome(&cmds[i], failed)
	}
	return replies
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

// newRequests is newRequest for a pipeline, with one allocation for all commands, and
// one for all words.
func newRequests(ctx context.Context, words [][]any) []redis.Cmd {
	all := 0
	for _, its := range words {
		all += len(its)
	}
	cmds, copies := make([]redis.Cmd, len(words)), make([]any, 0, all)
	for i, its := range words {
		copies = append(copies, its...)
		cmds[i] = *redis.NewCmd(ctx, slices.Clip(copies[len(copies)-len(its):])...)
	}
	return cmds
}

// run sends one command and sorts what came back.
func run(ctx context.Context, to processor, words []any) (any, error) {
	cmd := newRequest(ctx, words)
	if err := to.Process(ctx, cmd); err != nil {
		return nil, classify(err)
	}
	return cmd.Val(), nil
}

// outcome reads one command of a pipeline. One that has neither a value nor an error
// of its own was not sent: the pipeline has failed before.
func outcome(cmd *redis.Cmd, failed error) driver.Reply {
	err := cmd.Err()
	if err == nil && cmd.Val() == nil {
		err = failed
	}
	if err != nil {
		return driver.Reply{Err: classify(err)}
	}
	return driver.Reply{Value: cmd.Val()}
}

// classify separates the server's answers from everything that may go wrong on
// the way: the former become a [driver.ReplyError], the latter stay what they are.
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
