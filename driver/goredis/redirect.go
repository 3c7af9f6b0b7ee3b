package goredis

import (
	"context"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// redirect is where a Cluster node sends a command that it did not run.
type redirect struct {
	addr string
	ask  bool // the slot is on its way to addr, which wants ASKING first
}

// redirection reads MOVED and ASK, sent by the node at address asked.
func redirection(err error, asked string) (redirect, bool) {
	if addr, ok := redis.IsMovedError(err); ok {
		return redirect{addr: absolute(addr, asked)}, true
	}
	if addr, ok := redis.IsAskError(err); ok {
		return redirect{addr: absolute(addr, asked), ask: true}, true
	}
	return redirect{}, false
}

// absolute completes an address that a node sent. Nodes write IPv6 without
// brackets, and leave the host out when they do not know their own: it is then
// the one that was asked.
func absolute(addr, asked string) string {
	colon := strings.LastIndexByte(addr, ':')
	if colon < 0 {
		return addr
	}
	host, port := strings.Trim(addr[:colon], "[]"), addr[colon+1:]
	if host == "" {
		host, _, _ = net.SplitHostPort(asked)
	}
	return net.JoinHostPort(host, port)
}

// through returns how to run a command at the end of the redirection.
func (r redirect) through(to sender) processor {
	if r.ask {
		return asking{to}
	}
	return to
}

// asking sends ASKING ahead of every command, on the same connection.
type asking struct{ to sender }

// Process implements processor.
func (a asking) Process(ctx context.Context, cmd redis.Cmder) error {
	pipe := a.to.Pipeline()
	_ = pipe.Process(ctx, redis.NewCmd(ctx, "asking")) // only queues it
	_ = pipe.Process(ctx, cmd)
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	return cmd.Err()
}

// strangerOptions are those of a client for a handful of commands to addr, made
// like the cluster's other node clients.
func strangerOptions(like *redis.Options, addr string) *redis.Options {
	opts := *like
	opts.Addr = addr
	opts.PoolSize, opts.MinIdleConns = 1, 0
	opts.ContextTimeoutEnabled = true
	opts.MaxRetries = -1
	opts.ReadTimeout, opts.WriteTimeout = -1, -1 // none but ctx's
	// A processor belongs to one client, and a client this short needs no news
	// of the server's maintenance.
	opts.PushNotificationProcessor = nil
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return &opts
}
