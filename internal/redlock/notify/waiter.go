package notify

import (
	"math/rand/v2"
	"sync"
	"time"
)

// A waiter that is notified by fewer nodes than a majority has rivals that were notified by
// the others, or by none. It waits for more nodes, for a random time below minJitter, which
// doubles with each such try, up to maxDoublings times.
const (
	minJitter    = 2 * time.Millisecond
	maxDoublings = 7
)

// Waiter is a call that waits in the nodes' line. Its methods but for Wake are its
// goroutine's to call.
type Waiter struct {
	id    string
	woken chan struct{} // nil before the first Join; made under mu

	mu       sync.Mutex
	notified map[int]bool // nodes that have, since the last Reset; nil before the first
	granted  *Grant       // since the last Reset
	unwanted func()       // is called with a grant; nil while the waiter wants one

	lone int // calls of Jitter since the last ResetJitter
}

// ID returns the id that scripts publish to notify the waiter.
func (w *Waiter) ID() string { return w.id }

// Woken returns a channel that receives when the waiter was notified or woken. It is nil
// before the first Join.
func (w *Waiter) Woken() <-chan struct{} { return w.woken }

// ready makes the waiter ready to be woken.
func (w *Waiter) ready() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.woken == nil {
		w.woken = make(chan struct{}, 1)
	}
}

// notify notes that a node has something for the waiter, and wakes it.
func (w *Waiter) notify(node int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.notified == nil {
		w.notified = make(map[int]bool)
	}
	w.notified[node] = true
	w.wake()
}

// Wake has the waiter see whether it is still notified of all that could let it in. It may
// be called from any goroutine.
func (w *Waiter) Wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wake()
}

// wake wakes the waiter, or its next wait. w.mu is held.
func (w *Waiter) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// Reset forgets the nodes that have notified the waiter: before a try, which finds out by
// itself.
func (w *Waiter) Reset() {
	w.mu.Lock()
	clear(w.notified)
	w.granted = nil
	w.mu.Unlock()
	select {
	case <-w.woken:
	default:
	}
}

// Notified counts the nodes that have notified the waiter since the last Reset.
func (w *Waiter) Notified() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.notified)
}

// Jitter draws the time for which a waiter that was notified by a minority waits for more
// nodes.
func (w *Waiter) Jitter() time.Duration {
	d := rand.N(minJitter << min(w.lone, maxDoublings))
	w.lone++
	return d
}

// ResetJitter begins the doubling anew, as a majority has notified the waiter.
func (w *Waiter) ResetJitter() { w.lone = 0 }
