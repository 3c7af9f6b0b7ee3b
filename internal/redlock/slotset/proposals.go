package slotset

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// Proposals are the slots that calls of one object ask the nodes for by number, as the
// nodes have disagreed. Goroutines that disagree at the same time know of the same free
// slots, and would meet again and again. The zero Proposals are empty. They are safe for
// concurrent use.
type Proposals struct {
	mu     sync.Mutex
	asking map[int]int // by slot: how many calls ask for it
}

// Draw chooses n of the slots that are common to the nodes, and notes them until Drop. They
// are in ascending order: the lowest ones, or some at random, so that processes stop racing
// for the same ones. Slots that neighbours ask for are chosen last. Draw returns "" when there
// are too few.
func (p *Proposals) Draw(common []int, n int, atRandom bool) string {
	if len(common) < n {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if atRandom {
		rand.Shuffle(len(common), func(i, j int) { common[i], common[j] = common[j], common[i] })
	}
	slices.SortStableFunc(common, func(a, b int) int { return p.asking[a] - p.asking[b] })
	chosen := common[:n]
	slices.Sort(chosen)
	p.note(chosen, 1)
	return Format(chosen)
}

// Drop ends a proposal, as the nodes have answered.
func (p *Proposals) Drop(proposed string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.note(Parse(proposed), -1)
}

// note adds to how many ask for slots. p.mu is held.
func (p *Proposals) note(slots []int, by int) {
	if p.asking == nil {
		p.asking = make(map[int]int)
	}
	for _, slot := range slots {
		if p.asking[slot] += by; p.asking[slot] == 0 {
			delete(p.asking, slot)
		}
	}
}
