package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/holdfast-go/holdfast/inspect"
)

// shortage is what the kinds' errors come to, each node's once: that a server is out of reach
// says nothing of a kind.
func (w *watcher) shortage(found []inspect.Status, err error) error {
	causes := problems(found)
	if err == nil || len(causes) == 0 {
		return err
	}
	return fmt.Errorf("fewer than a majority of the nodes have shown who holds %q: %w", w.name, errors.Join(causes...))
}

// problems are the nodes' errors, in their order. A node that is out of reach has one, and one
// that answers may have another for each kind of lock.
func problems(found []inspect.Status) (all []error) {
	seen := make(map[string]bool)
	for i := range nodesOf(found) {
		for _, status := range found {
			node := status.Nodes[i]
			if key := problem(i, node); node.Err != nil && !seen[key] {
				seen[key] = true
				all = append(all, node.Err)
			}
		}
	}
	return all
}

// nodesOf is how many nodes were asked.
func nodesOf(found []inspect.Status) (n int) {
	for _, status := range found {
		n = len(status.Nodes)
	}
	return n
}

// problem is what makes two errors of a node one.
func problem(i int, node inspect.Node) string {
	if node.Err == nil || node.Unreachable {
		return fmt.Sprint(i)
	}
	return fmt.Sprint(i, " ", message(node.Err))
}

// report prints why nodes have shown nothing: err if that says so, as it does where they are
// too many.
func report(out io.Writer, found []inspect.Status, err error) {
	if err == nil {
		err = errors.Join(problems(found)...)
	}
	if err != nil {
		fmt.Fprintln(out, lines(err))
	}
}
