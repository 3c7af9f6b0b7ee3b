package redlock

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// simLease is what one client believes to have, until its end.
type simLease struct {
	who   string
	kind  byte // 'w' a mutex or a writer, 'r' a reader, 'p' a permit
	slots []int
	until time.Time
	live  func() time.Time // in its place, of one that is renewed
}

// ends is when the lease's validity ends, as far as is known by now.
func (h *simLease) ends() time.Time {
	if h.live != nil {
		return h.live()
	}
	return h.until
}

// simWatch sees every lease begin, go on and end, and compares all that are valid at
// the time. A lease ends with its validity, whatever its owner still believes. Renewals
// are not reported to it, so it looks whenever anything happens.
type simWatch struct {
	mu         sync.Mutex
	limit      int // permits
	renews     bool
	leases     map[*simLease]bool
	number     int64  // the last writer's
	wrong      string // what was seen first that must never be
	unreported string // a loss that was not reported

	begun time.Time
	trace []simEvent

	leasesBegun, extended, renewed, numbers, returned, denied int
}

// simEvent is written down as it is, and put into words only when it is needed.
type simEvent struct {
	at   time.Duration
	text string
	args []any
}

func (w *simWatch) note(text string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteLocked(text, args...)
	if w.renews {
		w.compare()
	}
}

func (w *simWatch) noteLocked(text string, args ...any) {
	w.trace = append(w.trace, simEvent{time.Since(w.begun), text, args})
}

// begin notes a new lease of what was acquired.
func (w *simWatch) begin(who string, kind byte, slots []int, x simThing) *simLease {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := &simLease{who: who, kind: kind, slots: slots}
	w.leasesBegun++
	w.noteLocked("%s holds %c %v until %v", who, kind, slots, x.Until().Sub(w.begun))
	w.lasts(h, x)
	return h
}

// numbered notes a new lease's number.
func (w *simWatch) numbered(h *simLease, number int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteLocked("%s has number %d", h.who, number)
	if number <= w.number {
		w.fail("%s has number %d although there was %d before", h.who, number, w.number)
	}
	w.number = number
	w.numbers++
}

// extend notes that a lease is good for longer, or is x's from now on.
func (w *simWatch) extend(h *simLease, x simThing) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.extended++
	w.noteLocked("%s extends %c until %v", h.who, h.kind, x.Until().Sub(w.begun))
	w.lasts(h, x)
}

// lasts notes how long a lease is good for. w.mu is held.
func (w *simWatch) lasts(h *simLease, x simThing) {
	h.until = x.Until()
	if w.renews {
		h.live = x.Until
	}
	w.leases[h] = true
	w.compare()
}

// lost notes that an extension was denied, and the lease reported as lost.
func (w *simWatch) lost() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.denied++
}

// silent notes that a lease that was denied is not reported as lost.
func (w *simWatch) silent(text string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteLocked(text, args...)
	w.unreported = fmt.Sprintf(text, args...)
}

// become turns a writer into a reader.
func (w *simWatch) become(h *simLease, kind byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.noteLocked("%s turns from %c to %c", h.who, h.kind, kind)
	h.kind = kind
}

// end notes that a lease's owner is about to give it back.
func (w *simWatch) end(h *simLease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.returned++
	if h.ends().After(h.until) {
		w.renewed++
	}
	w.noteLocked("%s gives %c back, which was good until %v", h.who, h.kind, h.ends().Sub(w.begun))
	w.compare()
	delete(w.leases, h)
}

// compare checks all leases that are valid now against one another. w.mu is held.
func (w *simWatch) compare() {
	now, taken := time.Now(), 0
	var valid []*simLease
	for h := range w.leases {
		if !now.Before(h.ends()) {
			if h.live == nil {
				delete(w.leases, h)
			}
			continue
		}
		for _, other := range valid {
			if h.conflicts(other) {
				w.fail("%s has %c %v until %v although %s has %c %v until %v", h.who, h.kind, h.slots,
					h.ends().Sub(w.begun), other.who, other.kind, other.slots, other.ends().Sub(w.begun))
			}
		}
		taken += len(h.slots)
		valid = append(valid, h)
	}
	if w.limit > 0 && taken > w.limit {
		w.fail("%d of %d permits are held", taken, w.limit)
	}
}

func (h *simLease) conflicts(other *simLease) bool {
	if h.kind == 'p' {
		return slices.ContainsFunc(h.slots, func(slot int) bool { return slices.Contains(other.slots, slot) })
	}
	return h.kind == 'w' || other.kind == 'w'
}

// fail notes what is wrong, the first time. w.mu is held.
func (w *simWatch) fail(text string, args ...any) {
	if w.wrong != "" {
		return
	}
	w.wrong = fmt.Sprintf(text, args...)
	w.noteLocked("WRONG: %s", w.wrong)
}

func (w *simWatch) complain(text string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fail(text, args...)
}

// sinceAcquire is how long ago a node was last asked for something that it may have given.
func (w *simWatch) sinceAcquire() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range slices.Backward(w.trace) {
		if strings.HasSuffix(e.text, ": %v") && strings.Contains(fmt.Sprint(e.args...), "_acquire") {
			return time.Since(w.begun) - e.at
		}
	}
	return math.MaxInt64
}

// story is the trace in words, up to what was wrong.
func (w *simWatch) story() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for _, e := range w.trace {
		fmt.Fprintf(&b, "%14v  %s\n", e.at, fmt.Sprintf(e.text, e.args...))
		if strings.HasPrefix(e.text, "WRONG") {
			break
		}
	}
	return b.String()
}
