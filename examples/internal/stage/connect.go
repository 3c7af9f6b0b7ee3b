package stage

import "github.com/redis/go-redis/v9"

// Connect returns one client for each address, and what closes them. Holdfast
// never does: they are the application's.
func Connect(addrs []string) (clients []redis.UniversalClient, closeAll func()) {
	for _, addr := range addrs {
		clients = append(clients, redis.NewClient(&redis.Options{Addr: addr}))
	}
	return clients, func() {
		for _, client := range clients {
			_ = client.Close()
		}
	}
}
