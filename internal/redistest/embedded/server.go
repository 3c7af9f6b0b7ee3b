package embedded

import (
	"fmt"
	"net"

	"github.com/alicebob/miniredis/v2"
	miniserver "github.com/alicebob/miniredis/v2/server"
)

// server is one life of a node, from its start to its stop.
type server struct {
	redis    *miniredis.Miniredis
	listener net.Listener
	clients  *clients
	gate     *gate
	clock    *clock
	accepted chan struct{} // closed when nothing more will be accepted
}

// serve runs an empty Redis on listener, which it owns from here on, also on
// error.
//
// miniredis can listen by itself, but then it accepts before it knows any
// command, and a client that was waiting for the node to come back could get the
// answer that EVALSHA is unknown. So it is started without a listener, prepared, and
// given its connections one by one.
func serve(listener net.Listener) (*server, error) {
	redis := miniredis.NewMiniRedis()
	conn, err := redis.Dial() // starts it
	if err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("embedded: start miniredis: %w", err)
	}
	_ = conn.Close()
	s := &server{
		redis:    redis,
		listener: listener,
		clients:  newClients(),
		gate:     newGate(),
		clock:    newClock(redis),
		accepted: make(chan struct{}),
	}
	redis.Server().SetPreHook(s.before)
	go s.accept(redis.Server())
	return s, nil
}

// accept hands new connections to miniredis until the listener is closed.
func (s *server) accept(redis *miniserver.Server) {
	defer close(s.accepted)
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		redis.ServeConn(conn)
	}
}

// before runs ahead of every command, those inside a script included. It
// returns true when the command must not run.
func (s *server) before(peer *miniserver.Peer, _ string, _ ...string) bool {
	if !s.clients.has(peer) {
		return false // inside a script, which came through here as a whole
	}
	if !s.gate.pass() {
		return true
	}
	s.clock.advance()
	return false
}

// stop ends the server and waits for its goroutines. Commands that wait at the
// gate are never run.
func (s *server) stop() {
	_ = s.listener.Close()
	<-s.accepted
	s.gate.destroy()
	s.redis.Close()
}
