package goredis

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
)

// node is a client of one address: a single server, the master of a Sentinel
// group, or one master of a Cluster.
type node struct {
	origin   *redis.Client // the application's; never used for a command
	view     *redis.Client // the pool's own view of origin
	sender   sender        // view behind the hooks of origin
	bounded  bool
	failover driver.FailoverDetector
	owner    func() error // reports that the application has closed its client
}

// newNode makes the pool's view of client, with its hooks.
func newNode(client *redis.Client) *node {
	view := bind(client)
	return &node{
		origin:  client,
		view:    view,
		sender:  withHooks(client, view),
		bounded: bounded(view.Options()),
		owner:   ownership(client, anywhere),
	}
}

// Eval implements [driver.Pool].
func (n *node) Eval(ctx context.Context, call *driver.Call) (any, error) {
	reply, err := eval(ctx, n.sender, call)
	if err != nil && n.failover.Observe(err) {
		abandon(ctx, n.view)
	}
	return reply, err
}

// EvalBounded implements [driver.Bounded].
func (n *node) EvalBounded(ctx context.Context, call *driver.Call) (reply any, ok bool, err error) {
	if !n.bounded {
		return nil, false, nil
	}
	reply, err = n.Eval(ctx, call)
	return reply, true, err
}
