package valkeygo

import (
	"context"
	"errors"

	"github.com/valkey-io/valkey-go"

	"github.com/holdfast-go/holdfast/driver"
)

// errNoClient is why a nil client cannot be a voter.
var errNoClient = errors.New("valkeygo: NewPool was given a nil client")

// NewPool makes a pool of a client. It does not fail and sends nothing: a nil client is
// reported by the first call that would use the pool, as a misconfiguration.
//
// The client must stay open as long as the pool is used. Nothing has to be closed on the
// pool's side.
func NewPool(client valkey.Client) driver.Pool {
	if client != nil && client.Mode() == valkey.ClientModeCluster {
		return cluster{&pool{client}}
	}
	return &single{pool: &pool{client}}
}

// pool is any client. Its methods are those of a [driver.Pool] that makes no connections
// for locks.
type pool struct{ client valkey.Client }

// cluster is a client of a Cluster. It follows redirections itself, and does not say
// which master a call goes to.
//
// It is no [driver.Batcher]. Where one of several commands that have a connection to
// themselves is answered with ASK, the client takes the reply to its own ASKING for one of
// theirs, and panics (rueidis 1.0.79). It follows the ASK of a single command well.
type cluster struct{ *pool }

// single is a client of one server: alone, or the master of a Sentinel group.
type single struct {
	*pool
	failover driver.FailoverDetector
}

var (
	_ interface {
		driver.Subscriber
		driver.Validator
		driver.Identified
	} = cluster{}
	_ interface {
		driver.Batcher
		driver.Dialer
		driver.Subscriber
		driver.Validator
		driver.Identified
		driver.Located
	} = (*single)(nil)
)

// Validate implements [driver.Validator].
func (p *pool) Validate() error {
	if p.client == nil {
		return errNoClient
	}
	return nil
}

// Identity implements [driver.Identified].
func (p *pool) Identity() []any { return []any{p.client} }

// Identity implements [driver.Identified].
func (s *single) Identity() []any {
	identity := s.pool.Identity()
	if addr := s.Addr(); addr != "" {
		identity = append(identity, driver.NewEndpoint("tcp", addr))
	}
	return identity
}

// Addr implements [driver.Located]. A Sentinel group has no address of its own.
func (s *single) Addr() string {
	if s.client == nil || s.client.Mode() != valkey.ClientModeStandalone {
		return ""
	}
	nodes := s.client.Nodes()
	if len(nodes) > 1 {
		return "" // with replicas
	}
	for addr := range nodes {
		return addr
	}
	return ""
}

// Eval implements [driver.Pool].
func (p *pool) Eval(ctx context.Context, call *driver.Call) (any, error) {
	if p.client == nil {
		return nil, errNoClient
	}
	return eval(ctx, p.client, call)
}

// Eval implements [driver.Pool].
func (s *single) Eval(ctx context.Context, call *driver.Call) (any, error) {
	reply, err := s.pool.Eval(ctx, call)
	if err != nil && s.failover.Observe(err) {
		s.abandon(ctx)
	}
	return reply, err
}

// EvalBatch implements [driver.Batcher].
func (s *single) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	if s.client == nil {
		return driver.FailBatch(len(calls), errNoClient)
	}
	replies := evalBatch(ctx, s.client, calls)
	if s.failover.ObserveBatch(replies) {
		s.abandon(ctx)
	}
	return replies
}

// abandon closes the connection that was used last, which is the one with the answer
// unless other calls come and go.
func (s *single) abandon(ctx context.Context) {
	if conn, err := dedicate(ctx, s.client); err == nil {
		conn.Close()
	}
}
