package redlock

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

const (
	// mostDebts is how many releases a node can owe. Beyond it the oldest is
	// dropped, and its key ends with its expiry.
	mostDebts = 1024

	// A node that owes is asked again by itself after a pause that grows between
	// these: short enough that what waits for it does not wait long once the node is
	// well, and long enough that a dead one costs little.
	leastDebtPause = 25 * time.Millisecond
	mostDebtPause  = 400 * time.Millisecond
)

// maxPaid is how many releases are sent again at a time.
const maxPaid = 64

// node is one node, and the releases that it has not answered yet.
type node struct {
	*quorum.Node
	debts debts
}

func newNode(of *quorum.Node) *node {
	n := &node{Node: of}
	n.OnReply(func() { n.debts.collect(n) })
	return n
}

// debts are the releases that a node has not answered yet. They are sent again when the
// node next answers anything, and after a pause in any case: each until it is answered, or
// what it is for must have expired. That takes no goroutine, but a timer between.
type debts struct {
	strict tally // values of the user's own that are without an answer

	count      atomic.Int32 // len(owed), to be read without the mutex
	collecting atomic.Bool  // by one goroutine at a time

	mu     sync.Mutex
	owed   []*footprint
	timed  bool          // the timer is set
	paused time.Duration // how long it was set for last, since all was paid
}

// owe notes that f's release has had no certain answer from n, or is to be followed
// by another.
func (n *node) owe(f *footprint) {
	if !f.beginDebt(n) {
		return
	}
	if dropped := n.debts.push(n, f); dropped != nil {
		dropped.giveUp(n)
	}
}

// beginDebt reports whether f's release is to be put among n's debts, where it is once
// at most.
func (f *footprint) beginDebt(n *node) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.stakes[n.Index]
	if s.owed || !s.maybe {
		return false
	}
	s.owed = true
	return true
}

// giveUp is for a release that is not sent any more: what it is for must have expired,
// or will.
func (f *footprint) giveUp(n *node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := &f.stakes[n.Index]
	s.owed, s.maybe, s.doubtful = false, false, true
	s.note(quorum.Missing)
	f.strikeOff(n)
}

// push adds a debt, and sets the timer if it is not set. It returns the oldest debt if
// there is no room for it.
func (d *debts) push(n *node, f *footprint) (dropped *footprint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.owed) == mostDebts {
		dropped, d.owed[0] = d.owed[0], nil
		d.owed = d.owed[1:]
	}
	d.owed = append(d.owed, f)
	d.count.Store(int32(len(d.owed)))
	if !d.timed {
		d.timed = true
		d.paused = min(max(2*d.paused, leastDebtPause), mostDebtPause)
		time.AfterFunc(d.paused, func() { d.wake(n) })
	}
	return dropped
}

// wake is what the timer does.
func (d *debts) wake(n *node) {
	d.mu.Lock()
	d.timed = false
	d.mu.Unlock()
	d.collect(n)
}

// take removes the oldest debts, or notes that they are not collected any more if there
// are none. That is one step: a debt which is pushed just then would otherwise be left.
func (d *debts) take(number int) []*footprint {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.owed) == 0 {
		d.owed, d.paused = nil, 0 // lets go of what the slice still points to
		d.collecting.Store(false)
		return nil
	}
	number = min(number, len(d.owed))
	due := slices.Clone(d.owed[:number])
	clear(d.owed[:number])
	d.owed = d.owed[number:]
	d.count.Store(int32(len(d.owed)))
	return due
}

// collect sends what n owes, one release at first and then more at a time, until nothing
// is left or one has no certain answer: a node that does not answer gets one for all.
func (d *debts) collect(n *node) {
	if d.count.Load() > 0 && d.collecting.CompareAndSwap(false, true) {
		d.collectNext(n, 1)
	}
}

// collectNext sends the next releases together.
func (d *debts) collectNext(n *node, number int) {
	due := d.take(number)
	if len(due) == 0 {
		return
	}
	var failed atomic.Bool
	left := atomic.Int32{}
	left.Store(int32(len(due)))
	for _, f := range due {
		n.pay(f, func(paid bool) {
			if !paid {
				failed.Store(true)
			}
			switch {
			case left.Add(-1) > 0:
			case failed.Load():
				d.collecting.Store(false)
			default:
				d.collectNext(n, min(2*number, maxPaid))
			}
		})
	}
}

// pay sends one owed release, if it is still due, and tells whether the next may follow:
// not if it is owed again.
func (n *node) pay(f *footprint, paid func(bool)) {
	if f.pastRecall(time.Now()) {
		f.giveUp(n)
		paid(true)
		return
	}
	f.endDebt(n)
	f.releaseAt(n, func(quorum.Answer) { paid(!f.owedBy(n)) })
}

// pastRecall reports that whatever the nodes had of an ended hold must have expired.
func (f *footprint) pastRecall(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return now.After(f.lapses)
}

// endDebt notes that f's release is not among n's debts any more.
func (f *footprint) endDebt(n *node) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stakes[n.Index].owed = false
}

// owedBy reports that f's release is among n's debts.
func (f *footprint) owedBy(n *node) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stakes[n.Index].owed
}

// strictKey is a value of the user's own on a lock.
type strictKey struct{ name, value string }

func (f *footprint) strictKey() strictKey { return strictKey{f.spec.name, f.token.value} }

// tally counts values of locks. The zero tally is empty.
type tally struct {
	used atomic.Bool // false as long as nothing was ever added
	mu   sync.Mutex
	n    map[strictKey]int
}

func (t *tally) add(value strictKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		t.n = make(map[strictKey]int)
		t.used.Store(true)
	}
	t.n[value]++
}

func (t *tally) remove(value strictKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n[value]--; t.n[value] <= 0 {
		delete(t.n, value)
	}
}

func (t *tally) has(value strictKey) bool {
	if !t.used.Load() {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n[value] > 0
}
