package outbox

import "github.com/holdfast-go/holdfast/driver"

// batch is the calls of a flight. A lane makes one batch after another of the same memory
// for tokens.
type batch struct {
	requests []*Request
	max      int // calls
	bytes    int
	tokens   map[string]bool // of its calls
	skipped  int             // calls that wait, but must not join it
	alone    *Request        // the first of these that must go alone
	full     bool
}

// fill takes the first call out of queues, and what may leave together with it.
func (b *batch) fill(from *queues, limit int) []*Request {
	*b = batch{requests: make([]*Request, 0, limit), max: limit, tokens: b.tokens}
	if b.tokens == nil {
		b.tokens = make(map[string]bool)
	}
	from.take(b.add)
	if b.alone != nil && b.alone.Class != Left {
		from.move(b.alone, next)
	}
	clear(b.tokens)
	return b.requests
}

// done reports that no more calls may join. A batch that has skipped many is done, too:
// looking closely at all that wait, time and again, would take longer than sending it.
func (b *batch) done() bool {
	return b.full || len(b.requests) == b.max || b.skipped >= maxCalls
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
