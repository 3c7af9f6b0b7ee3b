package outbox

import "github.com/holdfast-go/holdfast/driver"

// batch is the calls of a flight.
type batch struct {
	requests []*Request
	bytes    int
	tokens   map[string]bool // of the requests
	skipped  int             // calls that wait, but must not join it
	alone    *Request        // the first of these that must go alone
	full     bool
}

// takeBatch takes the first request out of queues, and up to limit that may leave together
// with it. tokens is memory for it, and empty.
func takeBatch(from *queues, limit int, tokens map[string]bool) []*Request {
	b := batch{requests: make([]*Request, 0, limit), tokens: tokens}
	from.take(b.add)
	if b.alone != nil && b.alone.Class != Left {
		from.move(b.alone, next)
	}
	clear(tokens)
	return b.requests
}

// done reports that no more calls may join. A batch that has skipped many is done, too:
// looking closely at all that wait, time and again, would take longer than sending it.
func (b *batch) done() bool {
	return b.full || len(b.requests) == cap(b.requests) || b.skipped >= maxCalls
}

// add takes a request in, unless it must not go together with the others.
func (b *batch) add(r *Request) bool {
	if b.done() {
		return false
	}
	if r.Alone && b.alone == nil {
		b.alone = r
	}
	if r.Alone || b.tokens[r.Token] {
		b.skipped++
		return false
	}
	bytes := size(r.Call)
	if b.full = len(b.requests) > 0 && b.bytes+bytes > maxBytes; b.full {
		return false
	}
	b.requests = append(b.requests, r)
	b.bytes += bytes
	if r.Token != "" {
		b.tokens[r.Token] = true
	}
	return true
}

// size is about what a call takes on the wire.
func size(call *driver.Call) int {
	n := 0
	for _, word := range call.Command() {
		n += 16
		if text, ok := word.(string); ok {
			n += len(text)
		}
	}
	return n
}
