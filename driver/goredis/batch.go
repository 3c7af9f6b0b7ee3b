package goredis

import (
	"context"
	"sync"

	"github.com/holdfast-go/holdfast/driver"
)

// EvalBatch implements [driver.Batcher].
func (n *node) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	replies := evalBatch(ctx, n.sender, calls)
	if n.failover.ObserveBatch(replies) {
		abandon(ctx, n.view)
	}
	return replies
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
