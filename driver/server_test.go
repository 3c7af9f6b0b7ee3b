package driver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
)

func TestEndpoint(t *testing.T) {
	for _, c := range []struct {
		network, addr, equal string
	}{
		{"tcp", "redis:6379", "redis:6379"},
		{"tcp", "Redis.Example.org.:6379", "redis.example.org:6379"},
		{"tcp", "localhost:6379", "127.0.0.1:6379"},
		{"tcp", ":6379", "127.0.0.1:6379"},
		{"tcp", "[::1]:6379", "[::1]:6379"},
		{"tcp", "[FE80::1]:6379", "[fe80::1]:6379"},
		{"tcp", "odd", "odd"},
		{"unix", "/run/redis//a.sock", "/run/redis/a.sock"},
		{"unix", "/run/redis/b/../a.sock", "/run/redis/a.sock"},
	} {
		require.Equal(t, driver.Endpoint(c.equal), driver.NewEndpoint(c.network, c.addr), c.addr)
	}
}
