package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/holdfast-go/holdfast/internal/redistest/wire"
)

// Nodes are the nodes of one test binary. Its exported methods are calls, see package
// wire. They may come at the same time, but for those about one node.
type Nodes struct {
	engine engine
	err    error // why there is no engine

	mu      sync.Mutex
	started int                // guarded by mu
	running map[int]*container // those to stop, by ID; guarded by mu
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
func (n *Nodes) Start(node wire.Node, started *wire.Started) error {
	c, err := n.engine.start(node)
	if err != nil {
		return err
	}
	*started = wire.Started{ID: n.add(c), Addr: c.addr()}
	return nil
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

// Stop ends a node whatever state it is in, and leaves nothing behind.
func (n *Nodes) Stop(id int, _ *wire.Nothing) error {
	err := n.act(id, (*container).stop)
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.running, id)
	return err
}

// act does something to a node.
func (n *Nodes) act(id int, do func(*container) error) error {
	n.mu.Lock()
	c := n.running[id]
	n.mu.Unlock()
	if c == nil {
		return fmt.Errorf("redistest: no node %d", id)
	}
	return do(c)
}

// end stops what still runs, all at once. No call comes meanwhile or later.
func (n *Nodes) end() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	left := slices.Collect(maps.Values(n.running))
	errs := make([]error, len(left))
	var all sync.WaitGroup
	for i, c := range left {
		all.Go(func() { errs[i] = c.stop() })
	}
	all.Wait()
	return errors.Join(errs...)
}
