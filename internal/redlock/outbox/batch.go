package outbox

import "github.com/holdfast-go/holdfast/driver"

// batch is what joins the first call of a flight.
type batch struct {
	requests []*Request
	most     int // how many calls it may have
	bytes    int
	tokens   map[string]bool // of its calls
	skipped  int             // calls that wait, but must not join it
	alone    *Request        // the first of these that must go alone
	full     bool
}

// begin makes a batch of a flight's first call.
func begin(first *Request, most int, tokens map[string]bool) batch {
	b := batch{requests: make([]*Request, 0, most), most: most, tokens: tokens}
	b.take(first, size(first.Call))
	return b
}

// open reports that more may join. One that has skipped many is done, too: looking at
// all that wait, time and again, would take longer than sending it.
func (b *batch) open() bool {
	return !b.full && len(b.requests) < b.most && b.skipped < maxCalls
}

// add takes a request in, unless it must not go together with the others.
func (b *batch) add(r *Request) bool {
	if r.Alone && b.alone == nil {
		b.alone = r
	}
	if r.Alone || b.tokens[r.Token] {
		b.skipped++
		return false
	}
	bytes := size(r.Call)
	if b.full = b.bytes+bytes > maxBytes; b.full {
		return false
	}
	b.take(r, bytes)
	return true
}

func (b *batch) take(r *Request, bytes int) {
	b.requests = append(b.requests, r)
	b.bytes += bytes
	if r.Token != "" {
		b.tokens[r.Token] = true
	}
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
