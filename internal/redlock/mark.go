package redlock

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/notify"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
)

// A waiter looks again after lookEvery at the latest, however long its retry delay is,
// and a mark lasts for markLife. So it outlives its waiter by two seconds, whatever the
// expiry is, and does not end while that waits. Where answers are slow it lasts longer by
// the time that the last one took, up to mostSlow, and the next look comes earlier.
const (
	markLife  = 2 * time.Second
	lookEvery = time.Second
	mostSlow  = 2 * time.Second
	slowStep  = 100 * time.Millisecond // so that it is seldom another number
)

// mark is a waiting object's place in line on the nodes: what a refused try
// leaves there when its caller goes on waiting, so that others make way and a
// release tells it. Each try renews it, a grant consumes it, and it goes when the
// call ends; should that be lost, with its own short expiry.
//
// It is kept like a hold, and settled like one: a node is told to forget it only
// after every call that could leave it there has returned. An object's calls use
// one and the same, one after the other, as long as nothing is left of it between
// them. A nil mark is that of a call which does not wait, or of a protocol without
// a line.
type mark struct {
	hold
	lifetime atomic.Int64 // in ms
	waiter   *notify.Waiter
	suffix   string // of the waiter's id
	joined   bool   // the waiter has joined the engine's notifier
	told     bool   // the waiter was told something before the try under way
	again    bool   // the call has made a try before that one
	patient  bool   // the try under way is made only because messages may be lost

	renewed time.Time     // when the last try that leaves the mark was made …
	took    time.Duration // … and how long it was until its answer was there

	// overlapped is set once two calls that may leave the mark were under way to
	// one node. Their answers may come in another order than they were run in, so
	// from then on a grant does not prove that the mark is gone. m.mu guards it.
	overlapped bool

	// announced is, by node, until when a hold of ours is in the way there, which tells when
	// it is released; the zero time where none is known. m.mu guards it.
	announced []time.Time

	// used is set once a node has granted a try by the mark's place. The node remembers
	// where that was, for a try that fails after all, until a client clears it away: for
	// another call the place would be one ahead of those that came later. m.mu guards it.
	used bool

	// fleeting is set while its call does not queue yet. What disagreeing nodes granted is
	// then given back without the place: it would keep the call's neighbours from permits
	// that are free. m.mu guards it.
	fleeting bool
}

// newMark makes an object's mark. The id ends with a suffix, for the scripts.
func (s *Spec) newMark(suffix string) *mark {
	m := new(mark)
	s.engine.looks.begin()
	m.waiter, m.suffix = s.engine.notifier.NewWaiter(suffix), suffix
	m.init(s, newToken(m.waiter.ID(), false))
	m.ended, m.inLine = true, true
	m.announced = make([]time.Time, len(m.stakes))
	return m
}

func (m *mark) isUsed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used
}

func (m *mark) serves(suffix string) bool { return m.suffix == suffix }

// begin makes ready for a call that waits. It is nil for one that does not.
//
// A mark that the last call has left, and that is still being withdrawn, is not
// used again: the answer to that would pass for one about the new place. Nor is one
// whose place was used.
func (a *attempts) begin(p *pace, suffix string) *mark {
	a.causes = nil
	if a.spec.protocol.Withdraw == nil || p.spent() {
		return nil
	}
	if a.mark == nil || !a.mark.serves(suffix) || !a.mark.settled() || a.mark.isUsed() {
		a.mark = a.spec.newMark(suffix)
	}
	m := a.mark
	m.renewed, p.mark, p.started = time.Time{}, m, false
	m.mu.Lock()
	m.ended, m.overlapped, m.fleeting = false, false, false
	m.mu.Unlock()
	if m.spec.engine.notifier.Active() {
		m.join()
	}
	return m
}

// takeOver is begin for a call that gets the mark of the one before it, as it is on the
// nodes. It reports whether the call waits from the start, without a try of its own: if
// the mark is in line on a majority, and lasts until the next look. Without a mark it is
// begin.
func (a *attempts) takeOver(m *mark, p *pace, suffix string) (_ *mark, waits bool) {
	switch {
	case m == nil:
		return a.begin(p, suffix), false
	case p.spent():
		m.end()
		return nil, false
	}
	p.mark = m
	return m, m.stands()
}

// stands reports that the mark is in line on a majority, and lasts until the next look.
func (m *mark) stands() bool {
	m.noteTime()
	return m.pauseLeft() > 0 && len(m.stakes)-m.rid() >= m.spec.engine.quorum
}

// setFleeting says whether the mark's call does not queue yet.
func (m *mark) setFleeting(yes bool) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fleeting = yes
}

// forTry makes the mark ready for the next try. It is nil for the last try, which leaves
// none.
func (m *mark) forTry(p *pace) *mark {
	if m == nil || p.spent() {
		return nil
	}
	m.told, m.again, m.patient = m.waiter.Notified() > 0, p.started, p.looks
	p.started = true
	m.waiter.Reset()
	m.renewed = time.Now()
	m.lifetime.Store((markLife + m.took.Truncate(slowStep)).Milliseconds())
	return m
}

// noteTime notes how long the last try took, or how long ago it was.
func (m *mark) noteTime() {
	if !m.renewed.IsZero() {
		m.took = min(time.Since(m.renewed), mostSlow)
	}
}

// pauseLeft is the longest time to the next look, so that the mark is renewed before it
// ends: the next try may take as long as the last one.
func (m *mark) pauseLeft() time.Duration {
	if m.renewed.IsZero() { // no node was asked yet
		return lookEvery
	}
	life := time.Duration(m.lifetime.Load()) * time.Millisecond
	return min(lookEvery, life-2*m.took)
}

// usualLife is what most marks last, as a word that is made once.
var usualLife any = markLife.Milliseconds()

// words are the mark's arguments to a script: its id, and its lifetime in ms.
func (m *mark) words() (id, lifetime any) {
	if m == nil {
		return "", int64(0)
	}
	if ms := m.lifetime.Load(); ms != markLife.Milliseconds() {
		return m.token.word, ms
	}
	return m.token.word, usualLife
}

// looks reports that the try under way is not the first one of its call, and that
// nothing has told it to come: most probably it is refused again.
func (m *mark) looks() bool { return m != nil && m.again && !m.told }

// pend notes that a try's round may leave the mark on every node that it asks.
func (m *mark) pend(h *hold, r *round) {
	if m == nil || !m.hold.pend(r) {
		return
	}
	h.mark, r.mark = m, m
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.stakes {
		m.noteOverlap(i)
	}
}

// noteOverlap is called when a call to node i has begun. m.mu is held.
func (m *mark) noteOverlap(i int) {
	m.overlapped = m.overlapped || m.stakes[i].pending > 1
}

// learn takes a node's answer to such a try.
func (m *mark) learn(n *node, a answer) {
	m.noteHolder(n, a)
	switch a.vote {
	case voteTaken:
		a.vote = voteYes // the mark is there now
	case voteYes:
		m.consumed(n)
		a.vote = voteMissing
	}
	if m.hold.learn(n, a) {
		m.settle(n)
	}
}

// consumed notes that a grant has taken the mark's place.
func (m *mark) consumed(n *node) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used = m.used || m.stakes[n.index].maybe
	if !m.overlapped {
		m.stakes[n.index].maybe = false
	}
}

// pause waits for the next try: for the next look, or until a release tells that there is
// something to be had.
func (m *mark) pause(ctx context.Context, p *pace) error { return m.pauseOr(ctx, p, nil) }

// pauseOr is pause, but also ends when over is closed.
func (m *mark) pauseOr(ctx context.Context, p *pace, over <-chan struct{}) error {
	if m == nil {
		return p.pauseOr(ctx, over)
	}
	if !m.joined {
		m.joined = true
		m.spec.engine.notifier.JoinLate(m.waiter)
	}
	m.noteTime()
	return p.pauseFor(ctx, m, over)
}

// join has the waiter notified.
func (m *mark) join() {
	if !m.joined {
		m.joined = true
		m.spec.engine.notifier.Join(m.waiter)
	}
}

// end withdraws the mark from every node that may have it, in the background.
func (m *mark) end() {
	if m == nil {
		return
	}
	if m.joined {
		m.joined = false
		m.spec.engine.notifier.Leave(m.waiter)
	}
	m.abandon()
}

// restoring reports whether the release of a failed try, about to be sent to n,
// shall put the mark back in the place of the grant that consumed it.
func (m *mark) restoring(n *node) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended || m.fleeting {
		return false
	}
	m.stakes[n.index].pending++
	m.noteOverlap(n.index)
	return true
}

// restored takes the answer to such a release.
func (m *mark) restored(n *node, a answer) {
	if a.certain() {
		a.vote = voteYes // the mark was written, whoever else is there
	}
	if m.hold.learn(n, a) {
		m.settle(n)
	}
}

// undoAt sends the release of the hold's token to one node, takes the answer, and passes
// on what it says: see released.
func (h *hold) undoAt(n *node, then func(answer)) {
	call := *h.undoCall()
	restoring := h.mark.restoring(n)
	if restoring {
		call = h.spec.releaseCall(h.token, h.mark)
	}
	n.send(h.spec, h.token, outbox.Urgent, call, func(a answer) {
		if restoring {
			h.mark.restored(n, a)
		}
		h.pass(n, h.released(n, a), then)
	})
}

// mostOutlast is the longest time of a call that its caller's ctx does not end at
// once.
const mostOutlast = time.Second

// outlasts reports that the call is made in the caller's goroutine although ctx may
// be cancelled meanwhile, which is then noticed only when the call has returned. That
// saves a waiter another goroutine in the very moment that counts, and costs nothing
// as long as the node answers: it has just told the waiter to come. Should it hang
// from then on, a caller that is cancelled returns as late as its call may last. A
// deadline is always kept.
func (r *round) outlasts(ctx context.Context) bool {
	if r.mark == nil || !r.mark.told || r.hold.spec.bound > mostOutlast {
		return false
	}
	deadline, ok := ctx.Deadline()
	return !ok || deadline.After(r.began.Add(r.hold.spec.bound))
}
