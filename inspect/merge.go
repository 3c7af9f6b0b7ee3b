package inspect

import (
	"cmp"
	"slices"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
)

// merger makes one status of what several nodes show.
type merger struct {
	kind     *kind
	name     string
	majority int
	now      time.Time

	holders       map[holderKey]*found
	waiters       map[string]*Waiter
	order         []*found // as they were first seen
	line          []*Waiter
	held, waiting int
	fences        []int64
}

type holderKey struct{ token, mode string }

// found is a lease, and what each node that has it says of it.
type found struct {
	Holder
	remaining []time.Duration
	slots     map[int]int // on how many nodes it has each
}

// add takes what node i shows.
func (m *merger) add(i int, s shown) {
	m.held, m.waiting = max(m.held, s.held), max(m.waiting, s.waiting)
	m.fences = append(m.fences, s.fence)
	for _, l := range s.holders {
		f := m.holder(l)
		f.Nodes = append(f.Nodes, i)
		f.remaining = append(f.remaining, remaining(l.ms))
		for _, slot := range slotset.Parse(l.slots) {
			f.slots[slot]++
		}
	}
	for _, t := range s.waiters {
		w := m.waiter(t)
		w.Nodes = append(w.Nodes, i)
		if since := m.now.Add(-time.Duration(t.age) * time.Microsecond); w.Since.IsZero() || since.Before(w.Since) {
			w.Since = since
		}
	}
}

// remaining is the time that ms milliseconds are.
func remaining(ms int64) time.Duration {
	if ms < 0 || ms > int64(Forever/time.Millisecond) {
		return Forever
	}
	return time.Duration(ms) * time.Millisecond
}

// holder finds a lease that another node has shown, or is a new one.
func (m *merger) holder(l lease) *found {
	key := holderKey{l.token, l.mode}
	if f, ok := m.holders[key]; ok {
		return f
	}
	owner, since := parseToken(l.token)
	f := &found{
		Holder: Holder{Kind: m.kind.name, Name: m.name, Mode: Mode(l.mode), Value: l.token, Owner: owner, Since: since},
		slots:  make(map[int]int),
	}
	if m.holders == nil {
		m.holders = make(map[holderKey]*found)
	}
	m.holders[key] = f
	m.order = append(m.order, f)
	return f
}

// waiter does the same for a ticket.
func (m *merger) waiter(t ticket) *Waiter {
	if w, ok := m.waiters[t.id]; ok {
		return w
	}
	w := parseTicket(t.id, m.kind == semaphores)
	w.Mode = Mode(t.mode)
	if m.waiters == nil {
		m.waiters = make(map[string]*Waiter)
	}
	m.waiters[t.id] = &w
	m.line = append(m.line, &w)
	return &w
}

// fill puts what was seen into a status.
func (m *merger) fill(status *Status) {
	for _, f := range m.order {
		status.Holders = append(status.Holders, f.settled(m.majority))
	}
	slices.SortStableFunc(status.Holders, func(a, b Holder) int {
		return cmp.Compare(len(b.Nodes), len(a.Nodes))
	})
	slices.SortStableFunc(m.line, func(a, b *Waiter) int { return a.Since.Compare(b.Since) })
	for _, w := range m.line {
		status.Waiters = append(status.Waiters, *w)
	}
	status.Held, status.Waiting = max(m.held, len(status.Holders)), max(m.waiting, len(status.Waiters))
	status.Fence = ofMajority(m.fences, m.majority)
}

// ofMajority is the largest value that a majority of the nodes has reached. Of fewer nodes
// it is the largest.
func ofMajority[T cmp.Ordered](values []T, majority int) (largest T) {
	slices.SortFunc(values, func(a, b T) int { return cmp.Compare(b, a) })
	switch {
	case len(values) >= majority:
		return values[majority-1]
	case len(values) > 0:
		return values[0]
	}
	return largest
}

// settled is the lease as its nodes together have it.
func (f *found) settled(majority int) Holder {
	h := f.Holder
	h.Majority, h.Remaining = len(h.Nodes) >= majority, ofMajority(f.remaining, majority)
	all, agreed := make([]int, 0, len(f.slots)), make([]int, 0, len(f.slots))
	for slot, nodes := range f.slots {
		all = append(all, slot)
		if nodes >= majority {
			agreed = append(agreed, slot)
		}
	}
	h.Slots = agreed
	if len(agreed) == 0 && len(all) > 0 {
		h.Slots, h.Majority = all, false
	}
	slices.Sort(h.Slots)
	return h
}
