package goredis

import (
	"context"
	"errors"
	"reflect"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
)

// Why a client cannot be a voter.
var (
	errNoClient = errors.New("goredis: NewPool was given a nil client")
	errRing     = errors.New("goredis: a redis.Ring cannot be one voter: its shards are independent servers, " +
		"and the keys of a shard that is down silently go to another one; make one pool for each server")
)

// NewPool makes a pool of a client. It does not fail and sends nothing. The first
// call that would use the pool reports a nil client or a [redis.Ring] as a
// misconfiguration.
//
// The client must stay open as long as the pool is used. Calls on a closed one
// fail, and nothing has to be closed on the pool's side.
func NewPool(client redis.UniversalClient) driver.Pool {
	if isNil(client) {
		return refused{errNoClient}
	}
	switch client := client.(type) {
	case *redis.Client:
		return newNode(client)
	case *redis.ClusterClient:
		return newCluster(client)
	case *redis.Ring:
		return refused{errRing}
	default:
		return &foreign{client: client}
	}
}

var (
	_ interface {
		driver.Batcher
		driver.Bounded
		driver.Dialer
		driver.Subscriber
		driver.Identified
		driver.Located
	} = (*node)(nil)
	_ interface {
		driver.Batcher
		driver.Dialer
		driver.Laner
		driver.Subscriber
		driver.Identified
		driver.Located
	} = (*cluster)(nil)
	_ interface {
		driver.Subscriber
		driver.Identified
	} = (*foreign)(nil)
)

// isNil finds the nil pointer in a non-nil interface too.
func isNil(client redis.UniversalClient) bool {
	if client == nil {
		return true
	}
	v := reflect.ValueOf(client)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// refused stands for a client that cannot be a voter.
type refused struct{ reason error }

// Validate implements [driver.Validator].
func (r refused) Validate() error { return r.reason }

// Eval implements [driver.Pool]. It sends nothing.
func (r refused) Eval(context.Context, *driver.Call) (any, error) { return nil, r.reason }

// foreign is a client of a type that this package does not know. Its timeouts,
// retries and routing are its own affair.
type foreign struct {
	client   redis.UniversalClient
	failover driver.FailoverDetector
}

// Eval implements [driver.Pool].
func (f *foreign) Eval(ctx context.Context, call *driver.Call) (any, error) {
	reply, err := eval(ctx, f.client, call)
	if err != nil {
		f.failover.Observe(err)
	}
	return reply, err
}
