package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// Fencing tokens are numbers of leases that grow from lease to lease of a name.
//
// Each node counts its grants, and says its number with its yes. The largest of
// those that came with the deciding votes is the lease's, if a majority of the
// nodes has said just that one; the nodes agree most of the time, and it costs
// nothing. Otherwise it is written back, to nodes that still have the token, and
// the lease begins only once a majority has it. Validity counts from the first
// request of the try as ever, and a lease that has no number in time has failed.
//
// Why they grow: when a lease begins, a majority of the nodes counts from its number
// or above, and has done so while it had the lease's token. A later lease's votes come
// from a majority too, so at least one of them from a node of the former that was
// rid of that token by then: it said a larger number, and the later lease's is the
// largest of all that were said. A yes that comes after the decision is not needed,
// whatever its number is, and one that is above the others only makes a later lease
// write back. A node's counter that was lost begins again from its clock, which is
// above all that was given before as long as clocks differ by less than the node was
// away, or than a counter lives unused. model/fence.pml is the checked form of this.
//
// A per-node counter without the write-back would not do: {1,2} may be at 7 and 9
// and the next lease have {2,3} and 10, while the one after it has {1,3} and 8.

// agreeOnFence gives the lease its numbers after a round was won. On error it has none that
// could be relied upon.
func (l acquiring) agreeOnFence(ctx context.Context, o *quorum.Outcome) []error {
	switch {
	case !l.spec.numbers():
		return nil
	case o.Number == 0:
		return []error{errUnnumbered}
	}
	l.mu.Lock()
	l.numbers.begin(o.Number) // before another goroutine can have the lease
	l.mu.Unlock()
	if o.Said >= l.spec.engine.quorum.Majority() {
		return nil
	}
	call := fenceCall(l.spec, l.lease)
	if r := l.checking().roundToCheck(ctx, &call); !r.Run(ctx) {
		return causesOf(r)
	}
	return nil
}

// block is how many numbers a lease is to have, where so many of the last one were used; 0
// without fencing. Where no goroutine waits for it to pass on, and where an extension may revive
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
