package rueidis

import (
	"context"
	"errors"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast/driver"
)

// errNoClient is why a nil client cannot be a voter.
var errNoClient = errors.New("rueidis: NewPool was given a nil client")

// NewPool makes a pool of a client. It does not fail and sends nothing: a nil client is
// reported by the first call that would use the pool, as a misconfiguration.
//
// The client must stay open as long as the pool is used. Nothing has to be closed on the
// pool's side.
func NewPool(client rueidis.Client) driver.Pool {
	if client != nil && client.Mode() == rueidis.ClientModeCluster {
		return cluster{&pool{client, manyMasters}}
	}
	return &single{pool: &pool{client, oneServer}}
}

// pool is any client. Its methods are those of a [driver.Pool] that makes no connections
// for locks.
type pool struct {
	client  rueidis.Client
	servers servers
}

// cluster is a client of a Cluster. It follows redirections itself, and does not tell
// which master a call goes to.
type cluster struct{ *pool }

// single is a client of one server: alone, or the master of a Sentinel group.
type single struct {
	*pool
	failover driver.FailoverDetector
}

var (
	_ interface {
		driver.Batcher
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
	if s.client == nil || s.client.Mode() != rueidis.ClientModeStandalone {
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

// EvalBatch implements [driver.Batcher].
func (p *pool) EvalBatch(ctx context.Context, calls []*driver.Call) []driver.Reply {
	if p.client == nil {
		return failAll(make([]driver.Reply, len(calls)), errNoClient)
	}
	return evalBatch(ctx, p.client, calls, p.servers)
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
	replies := s.pool.EvalBatch(ctx, calls)
	if observe(&s.failover, replies) {
		s.abandon(ctx)
	}
	return replies
}

// observe reports that one of the replies is from the wrong server.
func observe(failover *driver.FailoverDetector, replies []driver.Reply) (wrong bool) {
	for _, reply := range replies {
		wrong = reply.Err != nil && failover.Observe(reply.Err) || wrong
	}
	return wrong
}

// abandon closes the connection that was used last, which is the one with the answer
// unless other calls come and go.
func (s *single) abandon(ctx context.Context) {
	if conn, err := dedicate(ctx, s.client); err == nil {
		conn.Close()
	}
}
