package quorum

import "time"

// Vote is what one node's answer means for the question that was asked.
type Vote uint8

// What a node may answer.
const (
	None    Vote = iota // not asked, or no answer yet
	Yes                 // it did what was asked, for our token
	Taken               // another client's token is there
	Missing             // nothing is there
	Error               // it answered with an error, or was never reached; nothing was changed
	Unknown             // the answer was lost, or will come too late
)

// Answer is what came back from one node. Votes are counted by Vote, Choice and Number; the
// rest is for who asked.
type Answer struct {
	Vote   Vote
	Choice string // of a Yes, what it is for where nodes choose: those agree that have chosen the same
	Number int64  // that came with a Yes, if any
	Detail any    // what else the node answered; nil if nothing
	Err    error  // of Error, Unknown, and None where the node was not asked

	Late   bool // of Unknown: the request may still be on its way, or in a socket's buffer
	Silent bool // of such an answer: there was none in time

	// Remains is, of Taken, how long the lease or the waiter lasts that is in the way and
	// will notify; 0 if none does.
	Remains time.Duration
	// Contested is, of Yes, that a client waits there for all leases like this one to end;
	// of Taken, that only such a client is in the way.
	Contested bool
}

// Certain reports that the node has said what it has.
func (a *Answer) Certain() bool { return a.Vote == Yes || a.Vote == Taken || a.Vote == Missing }

// Reader reads the reply of a script. It reports false for a reply that is no answer to
// the question: a Yes of another shape, as of a server that answers everything alike, is
// no Yes.
type Reader func(reply any) (Answer, bool)
