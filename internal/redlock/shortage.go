package redlock

import (
	"fmt"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
)

// shortage says why a request was refused: how many slots are free, and how many are
// needed. A slot is free if a majority says so. Nodes list a bounded number, so that more
// may be free.
type shortage struct {
	free, needed, limit int
	more                bool // there may be more than free
}

func (s *shortage) Error() string {
	least := ""
	if s.more {
		least = "at least "
	}
	return fmt.Sprintf("permits free: %s%d of %d, needed: %d", least, s.free, s.limit, s.needed)
}

// shortage is what the nodes' replies to a refused request amount to. It is nil when too few
// nodes list free slots, as none does where others stand in line.
func (s *Spec) shortage(r *quorum.Round, q request) []error {
	short := &shortage{needed: q.n, limit: s.limit}
	var nodes []slotset.Set
	for _, g := range grants(r) {
		if *g == (grant{}) {
			continue
		}
		short.more = short.more || len(slotset.Parse(g.free)) >= q.listing
		nodes = append(nodes, g.available())
	}
	if q.listing == 0 || len(nodes) < r.Majority() {
		return nil
	}
	short.free = slotset.CountOnMajorities(nodes, r.Majority())
	return []error{short}
}
