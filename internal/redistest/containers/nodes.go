package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/internal/redistest/wire"
)

// Nodes are the nodes of one test binary. Its exported methods are calls, see package
// wire. They may come at the same time, but for those about one node.
type Nodes struct {
	engine engine
	err    error // why there is no engine

	mu      sync.Mutex         // guards the rest
	started int                // so many
	running map[int]*container // by ID
	idle    []*container       // emptied for tests to come
}

func newNodes(from engine, err error) *Nodes {
	return &Nodes{engine: from, err: err, running: make(map[int]*container)}
}

// Open returns what runs the nodes.
func (n *Nodes) Open(_ wire.Nothing, found *wire.Engine) error {
	*found = wire.Engine{Image: n.engine.image(), NoAddress: n.engine.noAddress()}
	return n.err
}

// Start starts a node, empty and answering. On error nothing is left behind.
func (n *Nodes) Start(node wire.Node, started *wire.Started) (err error) {
	c := n.idleFor(node)
	if c == nil {
		if c, err = n.engine.start(node); err != nil {
			return err
		}
	}
	*started = wire.Started{ID: n.add(c), Addr: c.addr()}
	return nil
}

// idleFor returns an idle container that can be the node, or nil.
func (n *Nodes) idleFor(node wire.Node) *container {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := len(n.idle) - 1
	if last < 0 || node.OwnAddress || len(node.Args) > 0 {
		return nil
	}
	c := n.idle[last]
	if time.Since(c.launched) > maxAge { // so are the others, or nearly so
		return nil
	}
	n.idle = n.idle[:last]
	return c
}

// add keeps a node until it is stopped, and returns its ID.
func (n *Nodes) add(c *container) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.started++
	n.running[n.started] = c
	return n.started
}

func (n *Nodes) Pause(id int, _ *wire.Nothing) error      { return n.act(id, (*container).pause) }
func (n *Nodes) Resume(id int, _ *wire.Nothing) error     { return n.act(id, (*container).resume) }
func (n *Nodes) Kill(id int, _ *wire.Nothing) error       { return n.act(id, (*container).kill) }
func (n *Nodes) Restart(id int, _ *wire.Nothing) error    { return n.act(id, (*container).restart) }
func (n *Nodes) Disconnect(id int, _ *wire.Nothing) error { return n.act(id, (*container).disconnect) }
func (n *Nodes) Reconnect(id int, _ *wire.Nothing) error  { return n.act(id, (*container).reconnect) }

// Stop ends a node whatever state it is in, and leaves nothing behind but, perhaps, an
// empty container for the next node.
func (n *Nodes) Stop(id int, _ *wire.Nothing) error {
	c, err := n.node(id)
	if err != nil {
		return err
	}
	reusable := c.empty() == nil
	n.mu.Lock()
	delete(n.running, id)
	if reusable {
		n.idle = append(n.idle, c)
	}
	n.mu.Unlock()
	if reusable {
		return nil
	}
	return c.stop()
}

// act does something to a node.
func (n *Nodes) act(id int, do func(*container) error) error {
	c, err := n.node(id)
	if err != nil {
		return err
	}
	return do(c)
}

// node returns a node that was started and not stopped.
func (n *Nodes) node(id int) (*container, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.running[id]
	if c == nil {
		return nil, fmt.Errorf("redistest: no node %d", id)
	}
	return c, nil
}

// end stops every container, all at once. No call comes meanwhile or later.
func (n *Nodes) end() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	left := slices.Concat(n.idle, slices.Collect(maps.Values(n.running)))
	errs := make([]error, len(left))
	var all sync.WaitGroup
	for i, c := range left {
		all.Go(func() { errs[i] = c.stop() })
	}
	all.Wait()
	return errors.Join(errs...)
}
