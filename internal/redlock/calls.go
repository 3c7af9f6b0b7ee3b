package redlock

import (
	"slices"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
)

// maxReplaceable bounds how many earlier tokens a try sends along. They only save
// it from being refused by its own leftovers, which are released anyway.
const maxReplaceable = 8

// acquireCall takes the key for t. A node may find there, and replace, t itself,
// in case the request is run twice, and what earlier tries of the same object
// have left. A value of the user's own may be another client's too, so it replaces
// nothing and is replaced by nothing.
// With numbers is how many the lease is to have; 0 for a repair, which gets none.
func acquireCall(s *Spec, t token, left []*footprint, ticket, lifetime any, numbers int64) driver.Call {
	var few [6 + maxReplaceable]any // does not leave the stack
	args := append(few[:0], t.word, s.expiry)
	if s.protocol.Withdraw != nil {
		args = append(args, ticket, lifetime)
	}
	if !t.strict {
		args = append(args, t.word)
		for _, h := range left {
			args = append(args, h.token.word)
		}
	}
	if numbers > 0 {
		args = append(args, numbers)
	}
	return driver.NewCall(s.protocol.Acquire, s.queueKeys, args...)
}

// passCall renews a lease, and asks whether others stand in line.
func passCall(s *Spec, l *lease) driver.Call {
	if s.numbers() {
		return driver.NewCall(s.protocol.Pass, s.queueKeys, l.token.word, s.expiry, l.numbers.size)
	}
	return driver.NewCall(s.protocol.Pass, s.queueKeys, l.token.word, s.expiry)
}

func extendCall(s *Spec, l *lease) driver.Call {
	script := s.protocol.Extend
	if s.SetNXOnExtend {
		script = s.protocol.Revive
	}
	switch {
	case l.slots != "":
		return driver.NewCall(script, s.keys, l.token.word, s.expiry, l.slots)
	case s.numbers():
		return driver.NewCall(script, s.keys, l.token.word, s.expiry, l.lastNumber())
	}
	return driver.NewCall(script, s.keys, l.token.word, s.expiry)
}

// repairCall asks for what the lease has had.
func repairCall(s *Spec, l *lease) driver.Call {
	switch {
	case l.slots != "":
		return slotsCall(s, l.token, nil, request{n: len(slotset.Parse(l.slots)), wanted: l.slots}, noTicket, noLifetime)
	case s.numbers():
		return numberedRepairCall(s, l)
	case s.protocol.Repair != nil:
		return driver.NewCall(s.protocol.Repair, s.keys, l.token.word, s.expiry)
	default:
		return acquireCall(s, l.token, nil, noTicket, noLifetime, 0)
	}
}

func convertCall(s *Spec, l *lease) driver.Call {
	return driver.NewCall(s.protocol.Convert, s.keys, l.token.word, s.expiry)
}

func checkCall(s *Spec, l *lease) driver.Call {
	if l.slots != "" {
		return driver.NewCall(s.protocol.Check, s.keys, l.token.word, l.slots)
	}
	return driver.NewCall(s.protocol.Check, s.keys, l.token.word)
}

// slotsCall asks for slots.
func slotsCall(s *Spec, t token, left []*footprint, q request, ticket, lifetime any) driver.Call {
	var few [9 + maxReplaceable]any // does not leave the stack
	args := append(few[:0], t.word, s.expiry, s.limitWord, int64(q.n), q.wanted, int64(q.listing), ticket, lifetime)
	if !t.strict {
		args = append(args, t.word)
		for _, h := range left {
			args = append(args, h.token.word)
		}
	}
	return driver.NewCall(s.protocol.Acquire, s.queueKeys, args...)
}

// fenceCall writes the lease's number to nodes where its token is.
func fenceCall(s *Spec, l *lease) driver.Call {
	return driver.NewCall(s.protocol.Fence, s.keys, l.token.word, s.expiry, l.lastNumber())
}

// numberedRepairCall is an acquire that gives no new number, but carries the lease's.
func numberedRepairCall(s *Spec, l *lease) driver.Call {
	acquire := acquireCall(s, l.token, nil, noTicket, noLifetime, 0)
	return driver.NewCall(s.protocol.Repair, s.queueKeys, append(slices.Clip(acquire.Args()), l.lastNumber())...)
}

// request is what a try asks the nodes for.
type request struct {
	n       int    // slots
	wanted  string // the slots to take, as "3-4,7"; "" lets each node choose
	listing int    // how many free slots a node is to list
}
