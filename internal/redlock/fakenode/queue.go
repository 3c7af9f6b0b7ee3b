package fakenode

import (
	"maps"
	"slices"
	"time"
)

// Queue are the tickets of the writers, or of the readers, that wait for a read-write lock.
type Queue struct {
	Tickets map[any]time.Time // id -> end
	came    map[any]int       // id -> when it came, also of those that have been served
	order   *arrivals         // of both queues of a lock
}

// arrivals order the tickets of a lock.
type arrivals struct {
	last  int         // when the last came
	looks map[any]int // id -> its last look
}

func newQueue(order *arrivals) Queue {
	return Queue{Tickets: make(map[any]time.Time), came: make(map[any]int), order: order}
}

// Enqueue gives a ticket for MS or MS:LOOK, for longer than it was.
func (q Queue) Enqueue(id, lifetime any) {
	if id == "" {
		return
	}
	lasts, look := lifetimeOf(lifetime)
	if ends := time.Now().Add(lasts); ends.After(q.Tickets[id]) {
		q.Tickets[id], q.order.looks[id] = ends, look
	}
	if q.came[id] == 0 {
		q.order.last++
		q.came[id] = q.order.last
	}
}

// dequeue takes a ticket away, and reports whether there was one.
func (q Queue) dequeue(id any) bool {
	had := q.has(id)
	delete(q.Tickets, id)
	delete(q.came, id)
	return had
}

// requeue puts a ticket back, or takes it away where the lifetime is 0.
func (q Queue) requeue(id, lifetime any) {
	if lifetime == int64(0) {
		q.dequeue(id)
		return
	}
	q.Enqueue(id, lifetime)
}

// serve ends a wait; when the ticket came is known until a release.
func (q Queue) serve(id any) { delete(q.Tickets, id) }

func (q Queue) has(id any) bool { return !q.Tickets[id].IsZero() }

// inOrder lists ids in the order in which they came.
func (q Queue) inOrder() []any {
	return slices.SortedFunc(maps.Keys(q.came), func(a, b any) int { return q.came[a] - q.came[b] })
}

// reap removes the tickets that have ended.
func (q Queue) reap() { reap(q.Tickets) }

// reap removes what has ended.
func reap(ends map[any]time.Time) {
	now := time.Now()
	maps.DeleteFunc(ends, func(_ any, at time.Time) bool { return !now.Before(at) })
}
