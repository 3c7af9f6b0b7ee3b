package goredis_test

import (
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/drivertest"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

func TestMain(m *testing.M) { redistest.MainWithExamples(m) }

func TestConformance(t *testing.T) {
	t.Run("RESP2", func(t *testing.T) { drivertest.Run(t, opener(2)) })
	t.Run("RESP3", func(t *testing.T) { drivertest.Run(t, opener(3)) })
}

// opener opens clients that are as go-redis makes them by default.
func opener(protocol int) drivertest.Open {
	return func(t testing.TB, addr string, opts drivertest.Options) (driver.Pool, func()) {
		client := redis.NewClient(&redis.Options{
			Addr:        addr,
			Protocol:    protocol,
			Password:    opts.Password,
			PoolSize:    opts.MaxConns,
			ReadTimeout: opts.ReadTimeout,
		})
		closeOnce := sync.OnceFunc(func() { _ = client.Close() })
		t.Cleanup(closeOnce)
		return goredis.NewPool(client), closeOnce
	}
}
