package contestants

import (
	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast/driver"
	holdfastrueidis "github.com/holdfast-go/holdfast/driver/rueidis"
)

// rueidisClients makes a client for each node, also for one that does not answer.
func rueidisClients(addrs []string) ([]rueidis.Client, closers) {
	clients := make([]rueidis.Client, len(addrs))
	closing := make(closers, len(addrs))
	for i, addr := range addrs {
		clients[i], _ = rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{addr}, ForceSingleClient: true})
		closing[i] = rueidisCloser{clients[i]}
	}
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
