package redlock

import (
	"context"

	"github.com/holdfast-go/holdfast/driver"
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
	nobody := new(hold)
	nobody.init(x.spec, token{})
	call := driver.NewCall(script, x.spec.keys)
	r := newRound(ctx, nobody, &call, toCheck)
	r.all = true
	if r.run(ctx) {
		return r.countHeld(), nil
	}
	causes := r.causes()
	if ctx.Err() != nil {
		causes = append(ended(ctx), causes...)
	}
	return 0, x.spec.fail(errUncounted, causes...)
}

// share is what one token has on a node.
type share struct{ token, slots string }

func (r *round) countHeld() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	nodes, silent := make(map[share]int), 0
	for i := range r.slots {
		g := r.slots[i].grant
		if g == nil {
			silent++
			continue
		}
		for _, s := range g.shares() {
			nodes[s]++
		}
	}
	held := 0
	for s, n := range nodes {
		if n+silent >= r.engine.quorum {
			held += len(slotset.Parse(s.slots))
		}
	}
	return held
}

// shares reads the pairs of a node's reply.
func (g *grant) shares() []share {
	var shares []share
	for i := 0; i+1 < len(g.holders); i += 2 {
		token, _ := g.holders[i].(string)
		slots, _ := g.holders[i+1].(string)
		shares = append(shares, share{token, slots})
	}
	return shares
}
