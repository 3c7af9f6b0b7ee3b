package redlock

import "time"

// joinWindow is how long after its grant, or after an extension that met no
// waiting writer, a lease takes in further readers without asking the nodes. A
// writer that begins to wait meanwhile waits for these readers too, so it is
// short. It need not be longer, as readers that come while the nodes are being
// asked are let in together.
const joinWindow = time.Millisecond

// sharedLease is one lease that goroutines read under. The queue's mutex guards it.
type sharedLease struct {
	lease   *lease
	readers int
	ofDo    bool          // one of them is a Do's, by Downgrade, and RUnlock was not called since
	closes  time.Time     // when readers join it no more without asking the nodes
	over    chan struct{} // closed when the last reader has given it back
}

func newSharedLease(l *lease) *sharedLease { return &sharedLease{lease: l, over: make(chan struct{})} }

// join counts further readers, which the nodes have let in, and lets others join for a short
// while.
func (l *sharedLease) join(readers int) {
	l.readers += readers
	l.closes = l.lease.spec.engine.now().Add(joinWindow)
}

// leave takes one reader away, and reports whether it was the last one: then the lease is to
// be released.
func (l *sharedLease) leave() (last bool) {
	l.readers--
	return l.readers == 0
}

// ending reports that the last reader has left.
func (l *sharedLease) ending() bool { return l.readers == 0 }

// joinable reports that a reader may join without asking the nodes.
func (l *sharedLease) joinable() bool {
	if l.ending() {
		return false
	}
	now := l.lease.spec.engine.now()
	return now.Before(l.closes) && !l.lease.validity().ended(now) && l.lease.contested() == nil
}

// isOver reports that the lease was given back.
func (l *sharedLease) isOver() bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

// question is one try of the reader that asks. Readers that do not wait for others share
// the answer.
type question struct {
	over    chan struct{} // closed with the answer
	sharing int           // how many wait for it; none once it is there
	granted bool          // they have joined the lease
	causes  []error       // why not, if the nodes have refused
}

func newQuestion() *question { return &question{over: make(chan struct{})} }

// sharing is what readers have of an object's place: a lease, for as long as that has
// readers, and one of them at a time that asks the nodes, for a lease or to have itself and
// those behind it let into the present one. No other passes it meanwhile. The queue's mutex
// guards it.
type sharing struct {
	lease  *sharedLease
	asking bool          // a reader at the head of the queue asks the nodes …
	asked  *question     // … this; nil between two tries …
	recall chan struct{} // … when it looks again if this is closed
}

// free reports that no reader has anything of the place.
func (s *sharing) free() bool { return !s.asking && s.lease == nil }

// admit lets a reader in. It reports whether that has joined the lease, or is the one to ask.
func (s *sharing) admit() (joined bool) {
	if s.lease != nil && s.lease.joinable() {
		s.lease.readers++
		return true
	}
	s.asking, s.asked = true, newQuestion()
	return false
}

// inquire is the question that is under way, or else one that the reader which asks is
// called to at once.
func (s *sharing) inquire() *question {
	if s.asked == nil {
		s.asked = newQuestion()
		s.callBack()
	}
	return s.asked
}

// callBack ends the pause of the reader that asks.
func (s *sharing) callBack() {
	if s.recall != nil {
		close(s.recall)
		s.recall = nil
	}
}

// grant takes a lease that the nodes have let the reader into that asks, and all who share
// its question. It reports false if that has ended meanwhile.
func (s *sharing) grant(got *sharedLease) bool {
	if got.isOver() || s.lease != nil && (s.lease != got || got.ending()) {
		return false
	}
	readers := 1
	if q := s.asked; q != nil {
		readers += q.sharing
		q.granted = true
	}
	s.lease = got
	got.join(readers)
	s.stopAsking()
	return true
}

// refuse passes the causes of the nodes' refusal to those who share the question.
func (s *sharing) refuse(causes []error) {
	if s.asked != nil {
		s.asked.causes = causes
	}
	s.endTry()
}

func (s *sharing) stopAsking() {
	s.asking, s.recall = false, nil
	s.endTry()
}

func (s *sharing) endTry() {
	if s.asked != nil {
		close(s.asked.over)
		s.asked.sharing, s.asked = 0, nil
	}
}
