package contestants

import (
	"net"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast/driver"
	holdfastrueidis "github.com/holdfast-go/holdfast/driver/rueidis"
)

// eagerDial is the dial timeout of clients that connect when they are made, in place of five
// seconds: a scenario with hung nodes makes hundreds of them.
const eagerDial = 250 * time.Millisecond

// rueidisClients makes a client for each node, also for one that does not answer.
func rueidisClients(addrs []string) ([]rueidis.Client, closers) {
	clients := make([]rueidis.Client, len(addrs))
	closing := make(closers, len(addrs))
	var made sync.WaitGroup
	for i, addr := range addrs {
		made.Go(func() {
			clients[i], _ = rueidis.NewClient(rueidis.ClientOption{
				InitAddress: []string{addr}, ForceSingleClient: true, Dialer: net.Dialer{Timeout: eagerDial},
			})
			closing[i] = rueidisCloser{clients[i]}
		})
	}
	made.Wait()
	return clients, closing
}

// rueidisCloser is a client as an io.Closer.
type rueidisCloser struct{ client rueidis.Client }

func (c rueidisCloser) Close() error {
	c.client.Close()
	return nil
}

func rueidisHoldfast(addrs []string) ([]driver.Pool, closers) {
	clients, closing := rueidisClients(addrs)
	pools := make([]driver.Pool, len(clients))
	for i, client := range clients {
		pools[i] = holdfastrueidis.NewPool(client)
	}
	return pools, closing
}
