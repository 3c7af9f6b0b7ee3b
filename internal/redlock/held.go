package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
	"github.com/holdfast-go/holdfast/scripts"
)

// Held counts the slots that are held: those that the same token has on a
// majority of the nodes. A node that does not answer in time counts as having
// what the others have, so that the result may be too high while nodes are away,
// and is never too low.
func (x *Slots) Held(ctx context.Context, script *scripts.Script) (int, error) {
	if err := x.usable(1); err != nil {
		return 0, err
	}
	if ctx.Err() != nil {
		return 0, x.spec.fail(errUncounted, ended(ctx)...)
	}
	call := driver.NewCall(script, x.spec.keys)
	q := x.spec.question(ctx, token{}, &call)
	q.Read, q.All = readHolders, true
	r := x.spec.engine.quorum.Round(q)
	if r.Run(ctx) {
		return countHeld(r), nil
	}
	causes := causesOf(r)
	if ctx.Err() != nil {
		causes = append(ended(ctx), causes...)
	}
	return 0, x.spec.fail(errUncounted, causes...)
}

// share is what one token has on a node.
type share struct{ token, slots string }

func countHeld(r *quorum.Round) int {
	nodes, silent := make(map[share]int), 0
	for _, v := range r.Voters() {
		h, ok := v.Detail.(holders)
		if !ok {
			silent++
		}
		for _, s := range h.shares() {
			nodes[s]++
		}
	}
	held := 0
	for s, n := range nodes {
		if n+silent >= r.Majority() {
			held += len(slotset.Parse(s.slots))
		}
	}
	return held
}

// shares reads the pairs of a node's reply.
func (h holders) shares() []share {
	var shares []share
	for i := 0; i+1 < len(h); i += 2 {
		token, _ := h[i].(string)
		slots, _ := h[i+1].(string)
		shares = append(shares, share{token, slots})
	}
	return shares
}
