package semaphore_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/semaphore"
)

// room is what only so many may be in at a time, each with slots of its own.
type room struct {
	mu     sync.Mutex
	inside map[int]bool
	most   int
	visits int
}

// enter reports whether all slots were free.
func (r *room) enter(p *semaphore.Permit) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	free := true
	for _, slot := range p.Slots() {
		free = free && !r.inside[slot]
		r.inside[slot] = true
	}
	r.most = max(r.most, len(r.inside))
	r.visits++
	return free
}

func (r *room) leave(p *semaphore.Permit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, slot := range p.Slots() {
		delete(r.inside, slot)
	}
}

// A crowd goes for what is left of a semaphore at 95 % occupancy: all get in, never
// more than the limit, and everything comes back.
func TestACrowdAtTheLimit(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		t.Run(fmt.Sprintf("%d nodes", n), func(t *testing.T) {
			w := newWorld(t, clients[0], redistest.Start(t, n))
			c := newCrowd(w)
			c.run()
			settle(t)
			w.awaitGrants(0)
			requireHeld(t, c.occupant, 0)
			requireYes(t, acquire(t, c.occupant, crowdLimit).Release)
		})
	}
}
