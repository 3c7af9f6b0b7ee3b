package outbox

import "github.com/holdfast-go/holdfast/driver"

// batch is what goes out in one flight.
type batch struct {
	requests []*Request
	bytes    int
	tokens   map[string]bool // of the calls, once there are two
	closed   bool            // takes no more
}

func (b *batch) hasRoom(most int) bool { return !b.closed && len(b.requests) < most }

// add takes a request in, unless it must not go together with the others.
func (b *batch) add(r *Request) bool {
	if len(b.requests) == 0 {
		b.requests, b.bytes, b.closed = append(b.requests, r), size(r.Call), r.Alone
		return true
	}
	bytes := b.bytes + size(r.Call)
	if r.Alone || b.has(r.Token) {
		return false
	}
	if bytes > maxBytes {
		b.closed = true
		return false
	}
	b.requests, b.bytes = append(b.requests, r), bytes
	if r.Token != "" {
		b.tokens[r.Token] = true
	}
	return true
}

// has reports whether a call of the batch is about the token.
func (b *batch) has(token string) bool {
	if b.tokens == nil {
		b.tokens = map[string]bool{}
		if first := b.requests[0].Token; first != "" {
			b.tokens[first] = true
		}
	}
	return b.tokens[token]
}

// size is about what a call takes on the wire.
func size(call *driver.Call) int {
	n := 0
	for _, word := range call.Words() {
		n += 16
		if text, ok := word.(string); ok {
			n += len(text)
		}
	}
	return n
}
