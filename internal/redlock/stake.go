package redlock

import (
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// stake is what a footprint knows of one node.
type stake struct {
	pending   int32 // calls under way that may put the token there
	releasing int32 // releases under way
	queued    bool  // a release is among the node's pending ones
	maybe     bool  // the token is there, or may be
	refused   bool  // the node said that another client's is there
	former    bool  // it may be there as the predecessor's, and is to be converted: see resume
	missed    bool  // an extension found nothing there while calls were under way: see resume

	found time.Time // when the newest of the extensions began that have found the token there

	// last is the first certain answer to a release, or to a call that passed the
	// token on: Yes where it was there until then. It is the last word, and is
	// Unknown where a lost answer may have been another one.
	last quorum.Vote

	// again is how many releases have to follow one that the node answers, as a call
	// that may put the token there has had no answer, and may run after the first.
	again uint8
	timed bool // the next of them goes out by a timer

	// overlapped is set once two calls were under way to the node. Their answers
	// may come in another order than they were run in, so from then on nothing but
	// a release, which goes out alone, proves that the token is gone.
	overlapped bool

	doubtful  bool // it may have been released or passed on: the answer was lost
	probation bool // repaired; its vote does not count until a round was won without it
	unsettled bool // a release of a strict token is without an answer
	contested bool // the node answered that others wait for its end, or refused it

	met error // what the last extension met there, errNoAnswer while it is under way; nil after a yes
}

// begin notes that a call is about to be sent. The lease's mutex is held.
func (s *stake) begin() {
	s.overlapped = s.overlapped || s.pending > 0
	s.pending++
}

// settled reports that the token is not on the node, and that nothing is under way that
// may put it there or take it away.
func (s *stake) settled() bool {
	return !s.maybe && s.pending == 0 && s.releasing == 0
}

// A call without an answer may still be in the socket of a server that was stopped, or
// in whatever is between, and run after a release that was sent later, on another
// connection, and answered. So that is followed by two more: one after a part of the
// longest time of a call, when a server that goes on has mostly read what waited for
// it, and one after all of that time. What takes even longer ends with its expiry.
const (
	releasesAgain = 2
	soonAgain     = 8 // parts of the longest time of a call

	// maxStrictAgain is the longest time that a value of the user's own is kept away
	// from a node on account of what may run late.
	maxStrictAgain = 250 * time.Millisecond
)

// doubt takes the answer of a call that may put the token on the node. Of a value of the
// user's own, which is strict, the node gets no try as long as a release may follow, so there
// is one, and only where the server is likely to have been stopped.
func (s *stake) doubt(a quorum.Answer, strict bool) {
	switch {
	case a.Late && !strict:
		s.again = releasesAgain
	case a.Silent:
		s.again = 1
	}
}

// note takes a certain answer to a release: the first one is the last word. Where
// another may have come before it, it proves nothing by finding nothing.
func (s *stake) note(v quorum.Vote) {
	switch {
	case s.last == quorum.Unknown && v == quorum.Yes: // it was the other one that has found it
		s.last = quorum.Yes
	case s.last != quorum.None:
	case v != quorum.Yes && (s.doubtful || s.releasing > 0):
		s.last = quorum.Unknown
	default:
		s.last = v
	}
}

// absent is the answer of a node that is known not to hold the token.
func (s *stake) absent() quorum.Answer {
	switch {
	case s.last == quorum.Unknown:
		return quorum.Answer{Err: errDoubtful}
	case s.last != quorum.None:
		return quorum.Answer{Vote: s.last}
	case s.refused:
		return quorum.Answer{Vote: quorum.Taken}
	default:
		return quorum.Answer{Err: errNeverGranted}
	}
}
