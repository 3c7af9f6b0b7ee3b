package goredis

import (
	"reflect"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
)

// failover is what go-redis calls the address of a client of sentinels.
const failover = "FailoverClient"

// Addr implements [driver.Located].
func (n *node) Addr() string {
	if addr := n.origin.Options().Addr; addr != failover {
		return addr
	}
	return ""
}

// Identity implements [driver.Identified]. A dial function of the application's own may
// lead anywhere, whatever the address says, and so do sentinels.
func (n *node) Identity() []any {
	opts := n.origin.Options()
	if n.Addr() == "" || !dialsAddr(opts) {
		return []any{n.origin}
	}
	return []any{n.origin, driver.NewEndpoint(opts.Network, opts.Addr)}
}

// dialsAddr reports whether a client has go-redis's own dial function.
func dialsAddr(opts *redis.Options) bool {
	return reflect.ValueOf(opts.Dialer).Pointer() == ownDialer()
}

// ownDialer is where the code of go-redis's own dial function is.
var ownDialer = sync.OnceValue(func() uintptr {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"}) // does not connect
	defer client.Close()
	return reflect.ValueOf(client.Options().Dialer).Pointer()
})

// Addr implements [driver.Located], with the addresses that the client begins with.
func (c *cluster) Addr() string {
	return "cluster " + strings.Join(c.client.Options().Addrs, ",")
}

// Identity implements [driver.Identified].
func (c *cluster) Identity() []any {
	ids, opts := []any{c.client}, c.client.Options()
	if opts.Dialer != nil {
		return ids
	}
	for _, addr := range opts.Addrs {
		ids = append(ids, driver.NewEndpoint("tcp", addr))
	}
	return ids
}

// Identity implements [driver.Identified].
func (f *foreign) Identity() []any { return []any{f.client} }
