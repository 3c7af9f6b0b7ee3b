package driver

import "context"

// Batcher is implemented by a Pool that can send many calls at once, and so at less
// cost than one by one. The engine asks it to renew many holds. A Pool that is no
// Batcher is asked for one call after another.
type Batcher interface {
	// EvalBatch runs calls as Eval runs one, and returns a reply for each, in their
	// order. Each has its own outcome: one that the server refused says nothing about
	// the others, and where the connection is lost, those without an answer fail with
	// its error, as their outcome is not known. Nothing is sent twice but what the
	// server said NOSCRIPT to.
	//
	// The calls are of different locks, and independent: they may run in any order, and
	// those of others in between.
	EvalBatch(ctx context.Context, calls []*Call) []Reply
}

// Reply is what Eval returns.
type Reply struct {
	Value any
	Err   error
}
