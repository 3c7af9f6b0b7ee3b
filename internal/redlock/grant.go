package redlock

import (
	"iter"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
)

// grants are the replies to a request for slots, by node. The round is locked meanwhile.
func grants(r *quorum.Round) iter.Seq2[*quorum.Voter, *grant] {
	return func(yield func(*quorum.Voter, *grant) bool) {
		for _, v := range r.Voters() {
			if g, ok := v.Detail.(*grant); ok && !yield(v, g) {
				return
			}
		}
	}
}

// available are the slots that a node would grant to the same client. What it granted to
// this one counts, as it would take that back.
func (g *grant) available() slotset.Set { return slotset.Of(g.slots, g.free) }

// freeOnMajority lists slots that are free on one and the same majority, in
// ascending order: of the majorities, the first one with n such slots.
func freeOnMajority(r *quorum.Round, n int) []int {
	var nodes []slotset.Set
	for _, g := range grants(r) {
		nodes = append(nodes, g.available())
	}
	return slotset.OnOneMajority(nodes, r.Majority(), n)
}

// mayHaveMore reports that a majority of the nodes may have more free slots than it listed:
// as many as it was asked for.
func mayHaveMore(r *quorum.Round, listing int) bool {
	full := 0
	for _, g := range grants(r) {
		if len(slotset.Parse(g.free)) == listing {
			full++
		}
	}
	return full >= r.Majority()
}

// belowLimit is how far below its limit a node reports occupied slots when some are above
// it: see semaphore_acquire.lua.
const belowLimit = 32

// surpasses returns why a won round must not stand: processes with a larger limit
// occupy slots at or above ours, and together with them there would be more than
// our limit allows.
//
// Let L be the largest number for which L and the occupied slots from L up are no
// more than the limit, where "occupied" is by the word of any of the nodes that
// granted. Every slot from L up that is held is known to one of these, as two
// majorities share a node, so with our slots below L no more than the limit can
// be held in all.
func surpasses(r *quorum.Round, agreed string, limit int) error {
	if !anyAbove(r, limit) || slotset.Last(agreed) < occupiedAround(r).RoomBelow(limit, max(0, limit-belowLimit)) {
		return nil
	}
	taken := new(ErrTaken)
	for i, v := range r.Voters() {
		if v.Vote == quorum.Yes {
			taken.Nodes = append(taken.Nodes, i)
		}
	}
	return taken
}

// anyAbove reports that a node that granted lists an occupied slot from limit on.
func anyAbove(r *quorum.Round, limit int) bool {
	for v, g := range grants(r) {
		if v.Vote == quorum.Yes && slotset.Last(g.above) >= limit {
			return true
		}
	}
	return false
}

// occupiedAround is the union of the occupied slots around and above the limit that the
// nodes that granted list.
func occupiedAround(r *quorum.Round) slotset.Set {
	occupied := make(slotset.Set)
	for v, g := range grants(r) {
		if v.Vote == quorum.Yes {
			occupied.Add(g.above)
		}
	}
	return occupied
}

// align sees to nodes that granted other slots than those that won. Nodes that
// answer late are aligned when they do.
func (l acquiring) align(r *quorum.Round) {
	for i, n := range l.spec.engine.nodes {
		if v := r.Voter(i); !v.Background && r.Differs(&v.Answer) {
			l.on(n).align()
		}
	}
}
