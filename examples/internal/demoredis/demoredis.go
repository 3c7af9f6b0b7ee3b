// Package demoredis finds the Redis servers for an example: those that the user
// names, or embedded ones, so that every example runs without a server.
package demoredis

import (
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast/internal/redistest/embedded"
)

// Usage describes the -redis flag that the examples have in common.
const Usage = "`host:port,host:port,…` of independent Redis servers to use in place of embedded ones"

// Nodes are the independent Redis servers of one example.
type Nodes struct {
	// Addrs are their addresses.
	Addrs []string

	own []*embedded.Node // nil when the servers are the user's
}

// Open returns the servers in list, which are separated by commas, or starts n
// embedded ones when the list is empty. Nothing is sent to the servers of a
// list. On error nothing is left running.
func Open(list string, n int) (*Nodes, error) {
	if list == "" {
		return start(n)
	}
	return &Nodes{Addrs: strings.Split(list, ",")}, nil
}

// start starts n embedded servers.
func start(n int) (*Nodes, error) {
	nodes := &Nodes{}
	for i := range n {
		node, err := embedded.Start()
		if err != nil {
			nodes.Close()
			return nil, fmt.Errorf("start embedded Redis %d of %d: %w", i+1, n, err)
		}
		nodes.own = append(nodes.own, node)
		nodes.Addrs = append(nodes.Addrs, node.Addr())
	}
	return nodes, nil
}

// Embedded reports whether the servers were started here, which an example may
// then stop.
func (n *Nodes) Embedded() bool { return n.own != nil }

// StopLast stops the last embedded server for good and returns its address. It
// must not be called for the user's servers.
func (n *Nodes) StopLast() string {
	last := len(n.own) - 1
	n.own[last].Close()
	return n.Addrs[last]
}

// Close stops the embedded servers. The user's are left as they are.
func (n *Nodes) Close() {
	for _, node := range n.own {
		node.Close()
	}
}

// String lists the servers for a reader.
func (n *Nodes) String() string {
	kind := "given by -redis"
	if n.Embedded() {
		kind = "embedded in this program"
	}
	return fmt.Sprintf("%s (%s)", strings.Join(n.Addrs, ", "), kind)
}
