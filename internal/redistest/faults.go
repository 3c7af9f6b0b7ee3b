package redistest

import "testing"

// Pause stops the node as SIGSTOP does, until Resume or the end of the test:
// connections are accepted, commands wait in their sockets, lifetimes run on.
func (n *Node) Pause(t testing.TB) {
	t.Helper()
	n.fault(t, CanPause, func() error { return n.server.pause() })
}

// Resume ends a Pause. The node then runs what came in meanwhile, also for
// clients that have given up.
func (n *Node) Resume(t testing.TB) {
	t.Helper()
	n.fault(t, CanPause, func() error { return n.server.resume() })
}

// Kill takes the node away at once, as SIGKILL does, paused or not: connections
// break, new ones are refused, keys are lost. Nobody else gets its address.
func (n *Node) Kill(t testing.TB) {
	t.Helper()
	n.fault(t, CanKill, func() error {
		if n.proxy != nil {
			n.proxy.setDown(true)
		}
		n.private.close()
		return n.server.kill()
	})
}

// Restart brings the node back empty on the same address, after a Kill or while
// it runs or is paused. It answers when Restart returns.
func (n *Node) Restart(t testing.TB) {
	t.Helper()
	n.fault(t, CanRestartEmpty, func() error {
		n.private.close()
		err := n.server.restart()
		if err == nil && n.proxy != nil {
			n.proxy.setDown(false)
		}
		return err
	})
}

// Flush deletes every key of the node.
func (n *Node) Flush(t testing.TB) {
	t.Helper()
	needs(t, n.backend, CanFlush)
	n.Do(t, "FLUSHALL")
}

// fault does something to the node's server. It skips the test when the backend
// cannot do it, and fails it when it did not work.
func (n *Node) fault(t testing.TB, ability Ability, do func() error) {
	t.Helper()
	needs(t, n.backend, ability)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := do(); err != nil {
		t.Fatalf("redistest: %s: %s: %v", n.direct, ability, err)
	}
}

// networked is a server with a network of its own.
type networked interface {
	disconnect() error
	reconnect() error
}

// Disconnect takes the node off its network, until Reconnect or the end of the
// test: it runs on, out of reach.
func (n *Node) Disconnect(t testing.TB) {
	t.Helper()
	n.fault(t, CanDisconnect, func() error { return n.server.(networked).disconnect() })
}

// Reconnect ends a Disconnect, with the same address.
func (n *Node) Reconnect(t testing.TB) {
	t.Helper()
	n.fault(t, CanDisconnect, func() error { return n.server.(networked).reconnect() })
}
