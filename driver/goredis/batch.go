package goredis

import (
	"context"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
)

// EvalBatch implements [driver.Batcher].
func (n *node) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	replies, wrong := evalBatch(ctx, n.sender, calls), false
	for _, reply := range replies {
		wrong = reply.Err != nil && n.failover.Observe(reply.Err) || wrong
	}
	if wrong {
		abandon(ctx, n.view)
	}
	return replies
}

// evalBatch runs calls in one pipeline, and in a second one those whose scripts the
// server had forgotten.
func evalBatch(ctx context.Context, to sender, calls []*driver.Call) []driver.Reply {
	words := make([][]any, len(calls))
	for i, call := range calls {
		words[i] = call.Command()
	}
	replies := pipeline(ctx, to, words)
	unknown := lackingScripts(calls, replies)
	if len(unknown) == 0 {
		return replies
	}
	words = sources(calls, unknown)
	for i, reply := range pipeline(driver.ResendContext(ctx), to, words) {
		replies[unknown[i]] = reply
	}
	return replies
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

// lackingScripts lists the calls whose scripts the server lacks.
func lackingScripts(calls []*driver.Call, replies []driver.Reply) []int {
	var unknown []int
	for i, reply := range replies {
		if reply.Err != nil && lacksScript(calls[i], reply.Err) {
			unknown = append(unknown, i)
		}
	}
	return unknown
}

// sources are the commands that run the unknown calls: the first of each script sends
// its source, and the server knows it from then on.
func sources(calls []*driver.Call, unknown []int) [][]any {
	sent := make(map[string]bool) // by digest
	words := make([][]any, len(unknown))
	for i, at := range unknown {
		call := calls[at]
		if words[i] = call.Command(); !sent[call.Script().SHA1()] {
			words[i] = call.SourceCommand()
			sent[call.Script().SHA1()] = true
		}
	}
	return words
}

// EvalBatch implements [driver.Batcher], with a pipeline for each master. A call that
// is redirected is chased by itself.
func (c *cluster) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	replies := make([]driver.Reply, len(calls))
	parts := make(map[*node][]int)
	for i, call := range calls {
		home, err := c.master(ctx, call)
		if err != nil {
			replies[i].Err = classify(err)
			continue
		}
		parts[home] = append(parts[home], i)
	}
	var all sync.WaitGroup
	for home, part := range parts {
		all.Go(func() { c.evalPart(ctx, home, calls, part, replies) })
	}
	all.Wait()
	return replies
}

// evalPart runs the calls that are numbered in part on one master.
func (c *cluster) evalPart(ctx context.Context, home *node, calls []*driver.Call, part []int, replies []driver.Reply) {
	its := make([]*driver.Call, len(part))
	for i, at := range part {
		its[i] = calls[at]
	}
	for i, reply := range home.EvalBatch(ctx, its) {
		if reply.Err != nil {
			reply.Value, reply.Err = c.chase(ctx, home, its[i], reply.Err)
		}
		replies[part[i]] = reply
	}
}
