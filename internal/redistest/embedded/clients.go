package embedded

import (
	"sync"

	miniserver "github.com/alicebob/miniredis/v2/server"
)

// clients separates the connections of clients from the peers that miniredis
// makes up for the commands inside a script.
//
// A script runs with miniredis locked, so what would wait or take that lock
// ahead of a command inside a script would hang. miniredis gives a connection
// its context at the first command it handles, and a made-up peer before: a
// peer that was ever seen without one is a connection.
type clients struct {
	mu    sync.Mutex
	peers map[*miniserver.Peer]struct{} // guarded by mu
}

func newClients() *clients {
	return &clients{peers: map[*miniserver.Peer]struct{}{}}
}

// has reports whether peer is a client's connection. It must see a peer's first
// command.
func (c *clients) has(peer *miniserver.Peer) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.peers[peer]; known {
		return true
	}
	if peer.Ctx != nil {
		return false
	}
	c.peers[peer] = struct{}{}
	peer.OnDisconnect(func() { c.forget(peer) })
	return true
}

func (c *clients) forget(peer *miniserver.Peer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.peers, peer)
}
