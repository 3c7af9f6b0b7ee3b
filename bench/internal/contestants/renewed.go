package contestants

import "github.com/holdfast-go/holdfast/mutex"

// Mutexes makes Holdfast's mutexes on a client library, with new clients for the
// nodes at addrs, for what no other library has. The caller closes the clients.
func Mutexes(client Client, addrs []string) (locks *mutex.Factory, closeClients func() error) {
	on := goRedisHoldfast
	if client == Redigo {
		on = redigoHoldfast
	}
	pools, closing := on(addrs)
	return mutex.New(pools...), closing.Close
}
