package goredis

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
)

// cluster is a Redis Cluster as one voter.
//
// Commands do not go through ClusterClient.Process, because that repeats them
// after a network error and heeds no deadline unless the application asked for
// it. Here the client only says which master serves a key; the command goes to
// the pool's own view of that master.
//
// It is not bounded: the client may have to load the cluster's layout first, on
// its own terms.
type cluster struct {
	client *redis.ClusterClient
	loaded atomic.Bool // the layout is known

	mu    sync.RWMutex
	nodes map[string]*node // by address; guarded by mu
}

// maxNodes bounds the cache of nodes. A Cluster has at most about a thousand;
// past that, most are addresses that are gone.
const maxNodes = 1024

func newCluster(client *redis.ClusterClient) *cluster {
	return &cluster{client: client, nodes: make(map[string]*node)}
}

// Eval implements [driver.Pool].
//
// A redirected command was not run, so sending it elsewhere is no retry. Every
// other failure is final; if the layout may be the cause, it is loaded again in
// the background for the next call.
func (c *cluster) Eval(ctx context.Context, call *driver.Call) (any, error) {
	home, err := c.master(ctx, call)
	if err != nil {
		return nil, classify(err)
	}
	reply, err := home.Eval(ctx, call)
	if err != nil {
		reply, err = c.chase(ctx, home, call, err)
	}
	return reply, err
}

// master is the node that serves the call's first key, as far as is known.
func (c *cluster) master(ctx context.Context, call *driver.Call) (*node, error) {
	client, err := c.client.MasterForKey(ctx, routingKey(call))
	if err != nil {
		return nil, err
	}
	return c.node(client), nil
}

// routingKey is the call's first key. A script without keys may run anywhere.
func routingKey(call *driver.Call) string {
	for _, key := range call.Keys() {
		key, _ := key.(string)
		return key
	}
	return ""
}

// node returns the pool's view of one of the cluster's clients.
func (c *cluster) node(client *redis.Client) *node {
	known := c.known(client.Options().Addr)
	if known != nil && known.origin == client {
		return known
	}
	return c.remember(client)
}

// known is the node at an address, or nil.
func (c *cluster) known(addr string) *node {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.nodes[addr]
}

// remember takes the place of an older client of the same address: the cluster
// client has closed that one.
func (c *cluster) remember(client *redis.Client) *node {
	n := newNode(client)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.nodes) >= maxNodes {
		clear(c.nodes)
	}
	c.nodes[client.Options().Addr] = n
	return n
}

// chase follows the redirections that begin with err, at most as many as the
// application's MaxRedirects, and returns what the last node said.
func (c *cluster) chase(ctx context.Context, home *node, call *driver.Call, err error) (reply any, _ error) {
	asked := home.origin.Options().Addr
	for range c.client.Options().MaxRedirects {
		to, ok := redirection(err, asked)
		if !ok {
			break
		}
		c.client.ReloadState(ctx) // returns at once, and does not crowd the servers
		if reply, err = c.visit(ctx, home, to, call); err == nil {
			return reply, nil
		}
		asked = to.addr
	}
	if layoutSuspect(err) {
		c.client.ReloadState(ctx)
	}
	return nil, err
}

// layoutSuspect reports whether a changed layout may be the cause of err.
func layoutSuspect(err error) bool {
	_, moved := redis.IsMovedError(err)
	return moved || redis.IsClusterDownError(err) || redis.IsReadOnlyError(err) || redis.IsMasterDownError(err) ||
		!driver.IsReply(err)
}

// visit runs the call on the node that another one named.
func (c *cluster) visit(ctx context.Context, home *node, to redirect, call *driver.Call) (any, error) {
	if known := c.known(to.addr); known != nil {
		reply, err := eval(ctx, to.through(known.sender), call)
		if !errors.Is(err, redis.ErrClosed) {
			return reply, err
		}
	}
	return c.visitStranger(ctx, home, to, call)
}

// visitStranger runs the call on a node that the cluster client does not know
// yet, such as a new one that is being filled and serves no slot so far.
// ClusterClient hands out no client for it, so one is made for this call: a dial
// for each, until the layout is loaded again.
func (c *cluster) visitStranger(ctx context.Context, home *node, to redirect, call *driver.Call) (any, error) {
	client := redis.NewClient(strangerOptions(home.origin.Options(), to.addr))
	defer client.Close()
	return eval(ctx, to.through(withHooks(home.origin, client)), call)
}
