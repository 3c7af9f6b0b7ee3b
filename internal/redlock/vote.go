package redlock

import "time"

// vote is what one node's answer means for the question that was asked.
type vote uint8

const (
	voteNone    vote = iota // not asked, or no answer yet
	voteYes                 // it did what was asked, for our token
	voteTaken               // somebody else's token is there
	voteMissing             // nothing is there
	voteError               // it answered with an error, or was never reached; nothing was changed
	voteUnknown             // the answer was lost, or will come too late
)

// answer is what came back from one node.
type answer struct {
	vote  vote
	grant *grant // what a node said to a request for slots
	fence int64  // the number that came with a yes, if any
	err   error  // for voteError, voteUnknown, and voteNone where it was not asked

	late      bool          // of voteUnknown: the request may still be on its way, or in a socket's buffer
	silent    bool          // of such an answer: there was none in time
	remains   time.Duration // of voteTaken: how long the hold or the client in line lasts that is in the way and will tell; 0 if none does
	contested bool          // of voteYes: a client waits there for all holds like ours to end; of voteTaken: only that one is in the way
}

// certain reports that the node has said what it has.
func (a answer) certain() bool {
	return a.vote == voteYes || a.vote == voteTaken || a.vote == voteMissing
}

// leastFence is below every fencing token, as these count from a clock in µs since
// 1970, and above every other reply.
const leastFence = 1 << 32

// leastAnnounced is the largest reply that tells how long a hold lasts which is in the
// way: the number of ms is taken from it.
const leastAnnounced = -1000

// readVote reads the reply that every script gives: 1, 0 or −1, or 2 for a yes
// that a client waits for the end of, −2 for a no because a client waits, a number from
// leastAnnounced down for a no by a hold that will tell, or a fencing token, which is a
// yes too.
func readVote(reply any) (answer, bool) {
	if n, ok := reply.(int64); ok && n >= leastFence {
		return answer{vote: voteYes, fence: n}, true
	}
	if n, ok := reply.(int64); ok && n <= leastAnnounced {
		return answer{vote: voteTaken, remains: remaining(leastAnnounced - n)}, true
	}
	switch reply {
	case int64(1):
		return answer{vote: voteYes}, true
	case int64(2):
		return answer{vote: voteYes, contested: true}, true
	case int64(0):
		return answer{vote: voteTaken}, true
	case int64(-2):
		return answer{vote: voteTaken, contested: true, remains: ticketLife}, true
	case int64(-1):
		return answer{vote: voteMissing}, true
	}
	return answer{vote: voteUnknown}, false
}

// remaining is how long a hold lasts of which a script tells the time in ms. One that is
// about to end lasts for a moment yet.
func remaining(ms int64) time.Duration {
	return time.Duration(min(ms, int64(mostRemaining/time.Millisecond)))*time.Millisecond + time.Millisecond
}

// mostRemaining is longer than anybody waits without looking.
const mostRemaining = time.Hour
