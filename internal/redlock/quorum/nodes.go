package quorum

import (
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
)

// Nodes are the independent nodes of a factory, in the order of its pools. They are safe
// for concurrent use.
type Nodes struct {
	list     []*Node
	majority int
	clock    *clock.Clock

	rounds  sync.Pool // of *Round, on which nothing has been asked: see Round.Done
	signals sync.Pool // of chan struct{}, capacity 1, on which a round reports that it is decided
	timers  sync.Pool // of *time.Timer, stopped
}

// New makes the nodes behind pools, which have been checked.
func New(c *clock.Clock, pools ...driver.Pool) *Nodes {
	n := &Nodes{clock: c, majority: len(pools)/2 + 1}
	for i, pool := range pools {
		n.list = append(n.list, newNode(i, pool, c))
	}
	if len(n.list) == 1 {
		n.list[0].box.Decides()
	}
	return n
}

// List is every node, in order. It is read-only.
func (n *Nodes) List() []*Node { return n.list }

// Majority is the number of nodes that decide: of the configured ones, whether they are up
// or not.
func (n *Nodes) Majority() int { return n.majority }

// Decide has another number of nodes decide. It is the seam through which tests break
// what rests on majorities.
func (n *Nodes) Decide(number int) { n.majority = number }

// timer takes a timer, and drop gives it back.
func (n *Nodes) timer(d time.Duration) *time.Timer {
	t, ok := n.timers.Get().(*time.Timer)
	if !ok {
		return time.NewTimer(d)
	}
	t.Reset(d)
	return t
}

func (n *Nodes) drop(t *time.Timer) {
	t.Stop() // after which nothing comes from it any more
	n.timers.Put(t)
}

// signal takes a channel on which one round reports to its caller that it is decided.
func (n *Nodes) signal() chan struct{} {
	if c, ok := n.signals.Get().(chan struct{}); ok {
		return c
	}
	return make(chan struct{}, 1)
}
