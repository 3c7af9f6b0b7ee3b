package quorum

import "github.com/holdfast-go/holdfast/driver"

// Question is what all nodes are asked.
type Question struct {
	Message
	Call *driver.Call // the same for all; drivers and hooks may keep it
	To   Observer     // nil where nothing is to be followed up
	Memo any          // the observer's own

	Patient bool // see [outbox.Request]
	Alone   bool // see [outbox.Request]
	Shuffle bool // which node is asked first is left to chance
	All     bool // there is no decision before every node has answered

	// Inline has the only node be asked in the caller's goroutine, although its ctx may be
	// cancelled meanwhile: that is then noticed only when the call has returned.
	Inline bool
	// Unsent is what becomes of calls that were not sent when the round closes.
	Unsent Unsent
	// Contended has spares be waited for only a moment where another client is in the way:
	// two clients that have one node each would else wait for one that is really silent as
	// long as a call may take, and so on with every try.
	Contended bool
	// Detailed has a refusal wait for the details of a majority.
	Detailed bool
}

// Unsent is what becomes of calls that were not sent when their round closes.
type Unsent uint8

const (
	// Withdraw takes them back.
	Withdraw Unsent = iota
	// LeaveWon takes them back, too, but where the round was won they wait behind all
	// others: a slower node is to have what the others have granted.
	LeaveWon
	// KeepWon is LeaveWon, but they stay in their places.
	KeepWon
	// Keep sends them in any case, also where no majority was possible from the start.
	Keep
)

// Observer is called with what becomes of a round's calls, by the goroutine that learns of
// it. It must not wait.
type Observer interface {
	// Unsent says that no call goes to node i: too few nodes can be asked to decide
	// anything. The round is locked meanwhile.
	Unsent(r *Round, i int)
	// Answered says what node i's call has brought, before that counts: the
	// observer is up to date when the decision is acted on. What it returns counts.
	Answered(r *Round, i int, a Answer) Answer
	// Late says of such an answer that it came after the decision.
	Late(r *Round, i int, a Answer)
}
