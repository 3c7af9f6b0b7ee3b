package driver

import "context"

// Batcher is implemented by a Pool that can send many calls at once, and so at less
// cost than one by one. The engine sends the calls that wait for a server as one batch, of at
// most 128. A Pool that is no Batcher gets one call after another.
type Batcher interface {
	// EvalBatch runs calls as Eval runs one, and returns a reply for each, in their
	// order. Each has its own outcome: one that the server refused says nothing about
	// the others. Where the connection is lost, calls without an answer fail with its
	// error, as their outcome is not known. Only scripts' calls that the server answered
	// with NOSCRIPT are sent twice. Scripts and plain commands mix.
	//
	// The calls run in their order, on one connection, and those of others may run in
	// between. No two are about the same token. Of a Cluster that holds for those that go
	// to one master.
	EvalBatch(ctx context.Context, calls []*Call) []Reply
}

// Reply is what Eval returns.
type Reply struct {
	Value any
	Err   error
}
