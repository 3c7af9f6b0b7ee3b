// Package wire is what a test binary and the program that runs containers for it say
// to each other: JSON-RPC calls of the standard library's net/rpc, over the program's
// standard input and output.
//
// The methods are Nodes.Open, once and first; Nodes.Start; and those of Action. The end
// of the input ends every node, and then the program.
package wire

// Engine is what Nodes.Open returns when an engine answers and has the image, which is
// the call's argument (repository:tag, or "").
type Engine struct {
	Image string // with its tag
	// NoAddress is why a node cannot have an address of its own, or "".
	NoAddress string
}

// Node is the argument of Nodes.Start.
type Node struct {
	Args       []string // of redis-server
	OwnAddress bool
}

// Started is a node that answers.
type Started struct {
	ID   int
	Addr string // the same for its whole life
}

// Action is a method whose argument is a node's ID, and which returns nothing.
type Action string

// The actions. What they do is said at Node's methods in package redistest.
const (
	Pause      Action = "Nodes.Pause"
	Resume     Action = "Nodes.Resume"
	Kill       Action = "Nodes.Kill"
	Restart    Action = "Nodes.Restart"
	Disconnect Action = "Nodes.Disconnect"
	Reconnect  Action = "Nodes.Reconnect"
	Stop       Action = "Nodes.Stop" // for good
)

// Nothing is what an action returns.
type Nothing struct{}
