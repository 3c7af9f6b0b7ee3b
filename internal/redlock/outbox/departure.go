package outbox

import "time"

const (
	// eagerFlights are under way before a call waits gatherTime for others to join it.
	eagerFlights = 2
	gatherTime   = 250 * time.Microsecond

	// maxWait limits how long a call that may wait does so for a full batch: until a
	// crowd that is woken at one moment has come.
	maxWait = 5 * time.Millisecond
)

// departure is when the next flight may begin. Until then it waits for other calls to join
// it: calls that may wait, for a full batch; beyond the first few flights all calls, for a
// moment; and beyond half of the flights, for a place to be left for those that come later.
// l.mu is held.
func (l *lane) departure() time.Time {
	first, n := l.waiting.first(), len(l.flights)
	open := !first.Alone && l.waiting.len() < l.limit // to others
	switch {
	case open && first.Patient:
		return first.posted.Add(min(maxWait, first.Bound/8))
	case n < eagerFlights:
		return time.Time{}
	case open && n >= l.node.flights/2 && l.spacing() > gatherTime:
		return l.spaced(first)
	}
	return l.cutAt.Add(gatherTime)
}

// spacing is the time from the beginning of a flight to that of the next one at which a
// place is left whenever a flight is to begin: until the oldest flight has landed, and then
// in every round trip. l.mu is held.
func (l *lane) spacing() time.Duration {
	places := l.node.flights - len(l.flights)
	lands := l.flights[0].since.Add(l.trip)
	return max(l.trip/time.Duration(l.node.flights), lands.Sub(l.cutAt)/time.Duration(places+1))
}

// spaced is when a flight begins that keeps to the spacing. The callers of a batch that has
// just landed ask again at the same time: the first one waits for the others, which would
// otherwise be late for this flight, each time anew. l.mu is held.
func (l *lane) spaced(first *Request) time.Time {
	spacing := l.spacing()
	others := l.batchAt.Add(gatherTime).Sub(first.posted)
	return later(l.cutAt.Add(spacing), first.posted.Add(min(spacing, others)))
}
