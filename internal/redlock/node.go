package redlock

import (
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
	"github.com/holdfast-go/holdfast/internal/redlock/retry"
)

// fewNodes is the number of nodes up to which nothing needs a slice of its own: with one
// node, what a call costs in memory shows; with more it does not.
const fewNodes = 1

// ticketLife is how long a ticket lasts on a node, where answers are not slow. It
// outlives its waiter by two seconds, whatever the expiry is.
const ticketLife = 2 * time.Second

// node is one node, and the releases that it has not answered yet. They are sent again, each
// until it is answered, or what it is for must have expired.
type node struct {
	*quorum.Node
	pending *retry.Queue[pendingRelease]
	strict  retry.Counts[strictKey] // values of the user's own of which a release is pending
}

// pendingRelease is a release that a node has not answered.
type pendingRelease interface {
	// resend sends it again, if it is still due, and reports whether the next may follow.
	resend(done func(settled bool))
	// giveUp is called where it is not sent any more.
	giveUp()
}

// strictKey is a value of the user's own on a lock.
type strictKey struct{ name, value string }

func newNode(of *quorum.Node) *node {
	n := &node{Node: of}
	n.pending = retry.New(pendingRelease.resend)
	n.OnReply(n.pending.Send)
	return n
}
