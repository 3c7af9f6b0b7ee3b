package scenarios

import (
	"errors"

	"github.com/holdfast-go/holdfast/bench/internal/nodes"
)

// quorumNodes is how many nodes the scenarios with faults use: two can be lost.
const quorumNodes = 5

// condition is a state that some of the nodes are in.
type condition struct {
	name   string
	bad    int // how many nodes
	breaks func(*nodes.Node) error
	mends  func(*nodes.Node) error
}

// The conditions. A hung node is a stopped process, a killed one is gone.
var (
	healthy   = condition{name: "healthy"}
	oneHung   = condition{name: "one hung", bad: 1, breaks: (*nodes.Node).Hang, mends: (*nodes.Node).Resume}
	twoHung   = condition{name: "two hung", bad: 2, breaks: (*nodes.Node).Hang, mends: (*nodes.Node).Resume}
	oneKilled = condition{name: "one killed", bad: 1, breaks: (*nodes.Node).Kill, mends: (*nodes.Node).Restart}
	twoKilled = condition{name: "two killed", bad: 2, breaks: (*nodes.Node).Kill, mends: (*nodes.Node).Restart}
)

// conditions lists them, the one that others are compared with first.
func conditions() []condition {
	return []condition{healthy, oneHung, twoHung, oneKilled, twoKilled}
}

// begin puts c.bad of the nodes into the condition, from the place turn on: in
// turn every node is a bad one, because nothing says that their order is
// without effect. It returns the nodes that are still well.
func (c condition) begin(all []*nodes.Node, turn int) (well []*nodes.Node, err error) {
	for i := range all {
		node := all[(turn+i)%len(all)]
		if i >= c.bad {
			well = append(well, node)
			continue
		}
		err = errors.Join(err, c.breaks(node))
	}
	return well, err
}

// end mends what begin broke, and empties all nodes.
func (c condition) end(all []*nodes.Node, turn int) error {
	var err error
	for i := range c.bad {
		err = errors.Join(err, c.mends(all[(turn+i)%len(all)]))
	}
	for _, node := range all {
		err = errors.Join(err, node.Flush())
	}
	return err
}
