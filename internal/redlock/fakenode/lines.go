package fakenode

import (
	"slices"
	"time"
)

// Ticket is a waiter's place in a line. One that has been served stays until a release, with
// no end.
type Ticket struct {
	ID   string
	Ends time.Time
	Look int
}

// Lines are the tickets that wait, by the lock's first key, in the order in which they came.
type Lines map[string][]Ticket

// Enqueue gives a ticket at the end of the line for MS or MS:LOOK, or renews one.
func (l Lines) Enqueue(lock, id string, lifetime any) {
	if id == "" {
		return
	}
	ms, look := lifetimeOf(lifetime)
	ends := time.Now().Add(ms)
	line := l[lock]
	at := slices.IndexFunc(line, func(t Ticket) bool { return t.ID == id })
	if at < 0 {
		l[lock] = append(line, Ticket{id, ends, look})
		return
	}
	if ends.After(line[at].Ends) {
		line[at].Ends, line[at].Look = ends, look
	}
}

// Dequeue takes a ticket away, and reports whether one that waited was there.
func (l Lines) Dequeue(lock, id string) bool {
	line := l[lock]
	for i := range line {
		if line[i].ID == id {
			l[lock] = append(line[:i:i], line[i+1:]...)
			return !line[i].Ends.IsZero()
		}
	}
	return false
}

// requeue puts a ticket back, or takes it away where the lifetime is 0.
func (l Lines) requeue(lock, id string, lifetime any) {
	if lifetime == int64(0) {
		l.Dequeue(lock, id)
		return
	}
	l.Enqueue(lock, id, lifetime)
}

// serve ends a wait; the ticket stays in line until a release.
func (l Lines) serve(lock, id string) {
	for i := range l[lock] {
		if l[lock][i].ID == id {
			l[lock][i].Ends = time.Time{}
		}
	}
}

// mayPass is that of queue_prelude.lua.
func (l Lines) mayPass(lock, id string) bool {
	if id == "" {
		return true
	}
	free := true
	for _, t := range l[lock] {
		if t.ID == id && !t.Ends.IsZero() {
			return true
		}
		free = free && !time.Now().Before(t.Ends)
	}
	return free
}

// isAwaited reports that a ticket in line has not ended.
func (l Lines) isAwaited(lock string) bool {
	return slices.ContainsFunc(l[lock], func(t Ticket) bool { return time.Now().Before(t.Ends) })
}

// live counts the tickets that have not ended.
func (l Lines) live() (n int) {
	for _, line := range l {
		for _, t := range line {
			if time.Now().Before(t.Ends) {
				n++
			}
		}
	}
	return n
}
