package redigo_test

import (
	"context"
	"sync"
	"testing"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/drivertest"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

func TestMain(m *testing.M) { redistest.MainWithExamples(m) }

func TestConformance(t *testing.T) { drivertest.Run(t, open) }

// open opens pools as redigo's documentation shows them.
func open(t testing.TB, addr string, opts drivertest.Options) (driver.Pool, func()) {
	conns := newPool(addr, opts)
	closeOnce := sync.OnceFunc(func() { _ = conns.Close() })
	t.Cleanup(closeOnce)
	return redigo.NewPool(conns), closeOnce
}

func newPool(addr string, opts drivertest.Options) *redis.Pool {
	return &redis.Pool{
		MaxIdle:   3,
		MaxActive: opts.MaxConns,
		Wait:      true,
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			return redis.DialContext(ctx, "tcp", addr,
				redis.DialPassword(opts.Password), redis.DialReadTimeout(opts.ReadTimeout))
		},
	}
}
