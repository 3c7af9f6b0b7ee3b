package contestants

import (
	"net"
	"sync"

	"github.com/valkey-io/valkey-go"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/valkeygo"
)

// valkeyClients makes a client for each node, also for one that does not answer.
func valkeyClients(addrs []string) ([]valkey.Client, closers) {
	clients := make([]valkey.Client, len(addrs))
	closing := make(closers, len(addrs))
	var made sync.WaitGroup
	for i, addr := range addrs {
		made.Go(func() {
			clients[i], _ = valkey.NewClient(valkey.ClientOption{
				InitAddress: []string{addr}, ForceSingleClient: true, Dialer: net.Dialer{Timeout: eagerDial},
			})
			closing[i] = valkeyCloser{clients[i]}
		})
	}
	made.Wait()
	return clients, closing
}

// valkeyCloser is a client as an io.Closer.
type valkeyCloser struct{ client valkey.Client }

func (c valkeyCloser) Close() error {
	c.client.Close()
	return nil
}

func valkeyHoldfast(addrs []string) ([]driver.Pool, closers) {
	clients, closing := valkeyClients(addrs)
	pools := make([]driver.Pool, len(clients))
	for i, client := range clients {
		pools[i] = valkeygo.NewPool(client)
	}
	return pools, closing
}
