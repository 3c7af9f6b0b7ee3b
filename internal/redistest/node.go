package redistest

import (
	"errors"
	"sync"
	"testing"
)

// Node is one Redis of a test. It ends with the test.
//
// Faults may be caused from any goroutine, but when one cannot be caused that
// ends the test as t.FailNow and t.SkipNow do, which is for the test's own
// goroutine: call Needs there first.
type Node struct {
	t       testing.TB // the test that started it
	backend backend
	proxy   *Proxy // nil without WithProxy
	direct  string
	private private

	mu     sync.Mutex
	server server // guarded by mu
}

// Start starts n independent, empty nodes, which answer when it returns. They
// are stopped when the test ends. It skips the test when the backend does not
// have that many, or cannot do what the options ask for.
func Start(t testing.TB, n int, opts ...Option) []*Node {
	t.Helper()
	return startOn(t, mustChoose(t), n, newConfig(opts))
}

// StartOne is Start for a single node.
func StartOne(t testing.TB, opts ...Option) *Node {
	t.Helper()
	return Start(t, 1, opts...)[0]
}

// startOn is Start on a backend that is known.
func startOn(t testing.TB, from backend, n int, cfg config) []*Node {
	t.Helper()
	if len(cfg.directives) > 0 {
		needs(t, from, CanConfig)
	}
	if cfg.address {
		needs(t, from, CanAddress)
	}
	if reason := from.room(n); reason != "" { // fewer addresses were given than the test has nodes
		t.Skip("redistest: " + reason)
	}
	nodes := make([]*Node, n)
	each(t, n, func(i int) (err error) {
		nodes[i], err = startNode(t, from, i, cfg)
		return err
	})
	return nodes
}

// startNode starts node i of a test.
func startNode(t testing.TB, from backend, i int, cfg config) (*Node, error) {
	s, err := from.start(i, cfg)
	if err != nil {
		return nil, err
	}
	return newNode(t, from, s, cfg)
}

// newNode makes s a node of the test, which stops it.
func newNode(t testing.TB, from backend, s server, cfg config) (*Node, error) {
	n := &Node{t: t, backend: from, server: s, direct: s.addr()}
	n.private = private{addr: n.direct, password: cfg.password()}
	t.Cleanup(func() { n.stop(t) })
	if !cfg.proxy {
		return n, nil
	}
	proxy, err := newProxy(n.direct, func(err error) { t.Error(err) })
	if err != nil {
		return nil, err
	}
	n.proxy = proxy
	return n, nil
}

// stop ends the node with its test.
func (n *Node) stop(t testing.TB) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.private.close()
	if n.proxy != nil {
		n.proxy.close()
	}
	if err := n.server.stop(); err != nil {
		t.Errorf("redistest: stop %s: %v", n.direct, err)
	}
}

// Addr is the address for the client under test, host:port: the proxy's if there
// is one, else the node's own.
func (n *Node) Addr() string {
	if n.proxy != nil {
		return n.proxy.Addr()
	}
	return n.direct
}

// DirectAddr is the node's own address, past any proxy.
func (n *Node) DirectAddr() string { return n.direct }

// Proxy is the proxy in front of the node. Without WithProxy the test fails.
func (n *Node) Proxy() *Proxy {
	n.t.Helper()
	if n.proxy == nil {
		n.t.Fatal("redistest: the node was started without WithProxy")
	}
	return n.proxy
}

// each runs do for 0 to n-1 at the same time and waits. The test fails with
// every error there was.
func each(t testing.TB, n int, do func(i int) error) {
	t.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			errs[i] = do(i)
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}
