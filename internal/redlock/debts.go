package redlock

import (
	"sync"
	"sync/atomic"
)

// mostDebts is how many releases a node can owe. Beyond it the oldest is
// dropped, and its key ends with its expiry.
const mostDebts = 1024

// debts are the releases that a node has not answered yet. They cost nothing
// while the node is silent, and are sent again when it next answers anything.
type debts struct {
	strict tally // values of the user's own that are without an answer

	count      atomic.Int32 // len(owed), to be read without the mutex
	collecting atomic.Bool  // by one goroutine at a time

	mu   sync.Mutex
	owed []*hold
}

// owe notes that h's release has had no certain answer from n.
func (n *node) owe(h *hold) {
	if dropped := n.debts.push(h); dropped != nil {
		dropped.mu.Lock()
		dropped.forget(n)
		dropped.mu.Unlock()
	}
}

// push adds a debt and returns the oldest one if there is no room for it.
func (d *debts) push(h *hold) (dropped *hold) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.owed) == mostDebts {
		dropped, d.owed[0] = d.owed[0], nil
		d.owed = d.owed[1:]
	}
	d.owed = append(d.owed, h)
	d.count.Store(int32(len(d.owed)))
	return dropped
}

// take removes the oldest debt for the goroutine that collects, or returns nil and
// notes that none does any more. That is one step: a debt which is pushed just then
// would otherwise be left by the goroutine that ends, and not get another.
func (d *debts) take() *hold {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.owed) == 0 {
		d.owed = nil // lets go of what the slice still points to
		d.collecting.Store(false)
		return nil
	}
	h := d.owed[0]
	d.owed[0] = nil
	d.owed = d.owed[1:]
	d.count.Store(int32(len(d.owed)))
	return h
}

// collect sends what n owes, now that it answers, in one goroutine of its own, until
// nothing is left or n stops answering.
func (d *debts) collect(n *node) {
	if d.count.Load() == 0 || !d.collecting.CompareAndSwap(false, true) {
		return
	}
	go func() {
		for h := d.take(); h != nil; h = d.take() {
			if !n.pay(h) {
				d.collecting.Store(false)
				return
			}
		}
	}()
}

// pay sends one owed release and reports whether n has answered it. If not, it
// is owed again.
func (n *node) pay(h *hold) bool {
	answers := make(chan answer, 1)
	h.undoAt(n, func(a answer) { answers <- a })
	a := <-answers
	return a.vote != voteError && a.vote != voteUnknown
}

// tally counts values. The zero tally is empty.
type tally struct {
	used atomic.Bool // false as long as nothing was ever added
	mu   sync.Mutex
	n    map[string]int
}

func (t *tally) add(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n == nil {
		t.n = make(map[string]int)
		t.used.Store(true)
	}
	t.n[value]++
}

func (t *tally) remove(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n[value]--; t.n[value] <= 0 {
		delete(t.n, value)
	}
}

func (t *tally) has(value string) bool {
	if !t.used.Load() {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.n[value] > 0
}
