package redlock

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
)

// grant is a node's reply to a request for slots: see semaphore_acquire.lua.
type grant struct {
	slots string // what the token has now, as "3-4,7"; "" when it was refused
	free  string // other slots that are free there
	above string // slots around the limit and above that others occupy

	remains time.Duration // of a refusal: as of [answer]

	listed  bool  // the reply is to the question who holds what, instead
	holders []any // token, slots, token, slots, …
}

// readGrant reads such a reply, or that to the question who holds what, which
// comes in pairs. A refusal without more to tell is a vote like any other.
func readGrant(reply any) (*grant, bool) {
	switch reply := reply.(type) {
	case string:
		return parseGrant(reply)
	case []any:
		return &grant{listed: true, holders: reply}, len(reply)%2 == 0
	}
	return nil, false
}

// parseGrant reads "granted", "granted free above", or "granted free above ms".
func parseGrant(reply string) (*grant, bool) {
	slots, rest, tells := strings.Cut(reply, " ")
	free, rest, both := strings.Cut(rest, " ")
	above, ms, ends := strings.Cut(rest, " ")
	var remains time.Duration
	if ends {
		n, err := strconv.ParseInt(ms, 10, 64)
		if err != nil || n < 0 || slots != "" {
			return nil, false
		}
		remains = remaining(n)
	}
	if reply == "" || tells != both || !slotset.Valid(slots) || !slotset.Valid(free) || !slotset.Valid(above) {
		return nil, false
	}
	return &grant{slots: slots, free: free, above: above, remains: remains}, true
}

// answer is the node's vote.
func (g *grant) answer() answer {
	if g.slots == "" && !g.listed {
		return answer{vote: voteTaken, grant: g, remains: g.remains}
	}
	return answer{vote: voteYes, grant: g}
}

// understood is an answer that fits the question. A yes of another shape, as of a
// server that answers everything alike, is no yes: a request for slots is granted by
// telling them, all else by a small number, or a hold's own where holds are numbered, and
// who holds what is told by a list.
func (r *round) understood(a answer) answer {
	if a.vote != voteYes {
		return a
	}
	slots, fits := r.hold.spec.limit > 0, false
	switch g := a.grant; {
	case a.fence != 0:
		fits = r.hold.spec.numbers() && (r.purpose == toGrant || r.purpose == toExtend)
	case g == nil:
		fits = !slots || r.purpose != toGrant
	case g.listed:
		fits = slots && r.purpose == toCheck
	default:
		fits = slots && r.purpose == toGrant
	}
	if fits {
		return a
	}
	return answer{vote: voteUnknown, err: fmt.Errorf("%w to %s: another script's", errUnexpected, r.call.Script().Name())}
}

// differs reports a grant of other slots than those that were agreed on.
func (g *grant) differs(agreed string) bool {
	return g != nil && g.slots != "" && g.slots != agreed
}

// freeOnMajority lists slots that are free on one and the same majority, in
// ascending order: of the majorities, the first one with n such slots. What a node
// granted to this round's own token counts as free: it would take that back.
func (r *round) freeOnMajority(n int) []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	var nodes []slotset.Set
	for i := range r.slots {
		if g := r.slots[i].grant; g != nil {
			nodes = append(nodes, g.available())
		}
	}
	return slotset.OnOneMajority(nodes, r.engine.quorum, n)
}

// toldAllTheyCould reports that a majority of the nodes knows more free slots than
// it told of, as far as one can see from outside.
func (r *round) toldAllTheyCould(telling int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	full := 0
	for i := range r.slots {
		if g := r.slots[i].grant; g != nil && len(slotset.Parse(g.free)) == telling {
			full++
		}
	}
	return full >= r.engine.quorum
}

// available are the slots that a node would grant to the same client.
func (g *grant) available() slotset.Set { return slotset.Of(g.slots, g.free) }

// surpasses returns why a won round must not stand: processes with a larger limit
// occupy slots at or above ours, and together with them there would be more than
// our limit allows.
//
// Let L be the largest number for which L and the occupied slots from L up are no
// more than the limit, where "occupied" is by the word of any of the nodes that
// granted. Every slot from L up that is held is known to one of these, as two
// majorities share a node, so with our slots below L no more than the limit can
// be held in all.
func (r *round) surpasses(limit int) error {
	if !r.isTold(limit) || slotset.Last(r.agreed) < r.occupiedAround().RoomBelow(limit, max(0, limit-belowLimit)) {
		return nil
	}
	return &ErrTaken{Nodes: r.grantors()}
}

// isTold reports that a node that granted tells of an occupied slot from limit on.
func (r *round) isTold(limit int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.any(func(s *heard) bool {
		return s.vote == voteYes && s.grant != nil && slotset.Last(s.grant.above) >= limit
	})
}

// occupiedAround is the union of what the nodes that granted tell of the slots
// around and above the limit.
func (r *round) occupiedAround() slotset.Set {
	r.mu.Lock()
	defer r.mu.Unlock()
	occupied := make(slotset.Set)
	for i := range r.slots {
		if s := &r.slots[i]; s.vote == voteYes && s.grant != nil {
			occupied.Add(s.grant.above)
		}
	}
	return occupied
}

// grantors are the nodes that said yes.
func (r *round) grantors() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	var nodes []int
	for i := range r.slots {
		if r.slots[i].vote == voteYes {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

// align sees to nodes that granted other slots than those that won. Nodes that
// answer late are aligned when they do.
func (h *hold) align(r *round) {
	for i, n := range h.spec.engine.nodes {
		if s := r.of(i); !s.background && s.grant.differs(h.slots) {
			h.alignAt(n)
		}
	}
}

// alignAt gives the hold's slots to a node that granted others, which it takes
// back. It is a repair: the node does not vote until a round was won without it.
//
// Two permits that a node granted in the wrong order each want what the other
// has. The first one to be aligned gives its slot back and is refused; it gets
// its own a little later, when the second one has moved.
func (h *hold) alignAt(n *node) { h.alignAfter(n, 2, 10, 50, 250) }

// alignAfter aligns a node now, and again after each of the pauses, in ms, as long as
// the node refuses, or does not answer.
func (h *hold) alignAfter(n *node, pauses ...time.Duration) {
	h.repair(n, func() {
		if len(pauses) > 0 {
			time.AfterFunc(pauses[0]*time.Millisecond, func() { h.alignAfter(n, pauses[1:]...) })
		}
	})
}
