package redlock

import (
	"context"
	"slices"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/keyslot"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// Fencing tokens are numbers of holds that grow from hold to hold of a name.
//
// Each node counts its grants, and says its number with its yes. The largest of
// those that came with the deciding votes is the hold's, if a majority of the
// nodes has said just that one; the nodes agree most of the time, and it costs
// nothing. Otherwise it is written back, to nodes that still have the token, and
// the hold begins only once a majority has it. Validity counts from the first
// request of the try as ever, and a hold that has no number in time has failed.
//
// Why they grow: when a hold begins, a majority of the nodes counts from its number
// or above, and has done so while it had the hold's token. A later hold's votes come
// from a majority too, so at least one of them from a node of the former that was
// rid of that token by then: it said a larger number, and the later hold's is the
// largest of all that were said. A yes that comes after the decision is not needed,
// whatever its number is, and one that is above the others only makes a later hold
// write back. A node's counter that was lost begins again from its clock, which is
// above all that was given before as long as clocks differ by less than the node was
// away, or than a counter lives unused. model/fence.pml is the checked form of this.
//
// A per-node counter without the write-back would not do: {1,2} may be at 7 and 9
// and the next hold have {2,3} and 10, while the one after it has {1,3} and 8.

// fenced chooses the variant of a protocol that numbers its holds, and its keys.
func (p *Protocol) fenced(name string, c *Config, keys []any) (*Protocol, []any) {
	if !c.Fencing || p.Fenced == nil {
		return p, keys
	}
	return p.Fenced, append(keys[:len(keys):len(keys)], keyslot.Aux(name, p.Fenced.FenceKey))
}

// numbers reports that holds get a fencing token.
func (s *Spec) numbers() bool { return s.protocol.Fence != nil }

// A lease that may pass between the goroutines of a process has a block of numbers, one
// for each. What the nodes count from is the largest of them: that they agree on, that is
// written back, and that a repair brings.
//
// Numbers that are not used are lost, and counters must not outrun the clock from which
// one that was lost begins. So a block is at most a little more than twice as large as what
// the object has used of the last one, and no larger than half as many as a tenure has µs.
type block struct {
	size int64 // how many numbers were asked for
	last int64 // the largest; 0 where there are none
	used int64 // the present holder's
}

// block is how many numbers a lease is to have, where so many of the last one were used; 0
// without fencing. Where nobody waits for it to pass on, and where an extension may revive
// it, it is one.
func (s *Spec) block(used int64, crowd bool) int64 {
	switch {
	case !s.numbers():
		return 0
	case !crowd || s.SetNXOnExtend:
		return 1
	}
	return max(1, min(2*used+2, s.tenure().Microseconds()/2))
}

// count is how many numbers were used.
func (b *block) count() int64 { return b.used - (b.last - b.size) }

// begin takes the block that was granted, and its first number.
func (b *block) begin(last int64) { b.last, b.used = last, last-b.size+1 }

// next gives the next number to the next holder. It reports false if none is left.
func (b *block) next() bool {
	if b.used == b.last { // also without numbers
		return b.last == 0
	}
	b.used++
	return true
}

// lastNumber is what the nodes count from, at least.
func (h *hold) lastNumber() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.numbers.last
}

// agreeOnFence gives the lease its numbers after a round was won. On error it has none that
// could be relied upon.
func (h *hold) agreeOnFence(ctx context.Context, o *quorum.Outcome) []error {
	switch {
	case !h.spec.numbers():
		return nil
	case o.Number == 0:
		return []error{errUnnumbered}
	}
	h.mu.Lock()
	h.numbers.begin(o.Number) // before anybody else can have the hold
	h.mu.Unlock()
	if o.Said >= h.spec.engine.quorum.Majority() {
		return nil
	}
	call := h.spec.fenceCall(h)
	if r := h.roundToCheck(ctx, &call); !r.Run(ctx) {
		return causesOf(r)
	}
	return nil
}

// fenceCall writes the hold's number to nodes where its token is.
func (s *Spec) fenceCall(h *hold) driver.Call {
	return driver.NewCall(s.protocol.Fence, s.keys, h.token.word, s.expiry, h.lastNumber())
}

// numberedRepairCall is an acquire that gives no new number, but carries the hold's.
func (s *Spec) numberedRepairCall(h *hold) driver.Call {
	acquire := s.acquireCall(h.token, nil, nil, 0)
	return driver.NewCall(s.protocol.Repair, s.lineKeys, append(slices.Clip(acquire.Args()), h.lastNumber())...)
}
