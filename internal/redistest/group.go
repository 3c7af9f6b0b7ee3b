package redistest

import (
	"net"
	"testing"
	"time"

	"github.com/holdfast-go/holdfast/internal/redistest/ready"
)

// This file is what a Cluster and a Sentinel group have in common: nodes that
// are processes, whatever the backend is, and that take their time to agree.

// processNodes starts n processes as nodes of the test. It skips the test when
// there is no server to run.
func processNodes(t testing.TB, n int, start func(t testing.TB, binary string) (*process, error)) []*Node {
	t.Helper()
	path, err := binary()
	if err != nil { // a machine with only Go: a cluster and a group cannot be embedded
		t.Skipf("redistest: the test needs local processes: %v", err)
	}
	nodes := make([]*Node, n)
	each(t, n, func(i int) error {
		p, err := start(t, path)
		if err != nil {
			return err
		}
		nodes[i], err = newNode(t, processBackend{path}, p, config{})
		return err
	})
	return nodes
}

// port is the port of the node's own address.
func (n *Node) port() string {
	_, port, err := net.SplitHostPort(n.direct)
	if err != nil {
		n.t.Fatalf("redistest: %v", err)
	}
	return port
}

// eventually waits until check finds nothing to complain about, at most
// ready.Timeout.
func eventually(t testing.TB, check func() error) {
	t.Helper()
	const pause = 10 * time.Millisecond
	for late := time.Now().Add(ready.Timeout); ; time.Sleep(pause) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(late) {
			t.Fatalf("redistest: not after %s: %v", ready.Timeout, err)
		}
	}
}
