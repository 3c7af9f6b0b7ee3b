package simnet

import (
	"sync"

	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
)

// Node is a fake node that may be away or stand still. Its Rate is how much longer its keys
// live than they should: below 1 its clock is fast. It must not change while calls run.
type Node struct {
	*fakenode.Node
	Index int

	mu      sync.Mutex
	away    bool
	life    int           // how often it was killed: what was under way then is lost
	stopped chan struct{} // closed when it goes on; nil while it runs
}

// NewNode makes a node that runs, and whose clock is right.
func NewNode(index int) *Node {
	n := &Node{Node: fakenode.New(), Index: index}
	n.Rate = 1
	return n
}

func (n *Node) state() (away bool, life int, stopped chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.away, n.life, n.stopped
}

// Stop has the node stand still until [Node.GoOn].
func (n *Node) Stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.stopped = make(chan struct{})
}

// GoOn ends a [Node.Stop].
func (n *Node) GoOn() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.stopped)
	n.stopped = nil
}

// Kill has the node go away until [Node.ComeBack], with all that is under way to it. Its keys
// stay, unless it forgets them by [fakenode.Node.Restart].
func (n *Node) Kill() {
	n.mu.Lock()
	n.away = true
	n.life++
	n.mu.Unlock()
	n.BreakSubscriptions()
}

// ComeBack ends a [Node.Kill].
func (n *Node) ComeBack() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.away = false
}
