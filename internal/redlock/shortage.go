package redlock

import (
	"fmt"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
)

// shortage says why too few slots could be had: how many are free, and how many are
// needed. A slot is free that a majority has said to be. Nodes tell of a bounded number,
// so that it may be more.
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

// shortage is what the nodes' replies to a refused request tell of, or nil: when too few
// have told, or when others stand in line, of which a node tells nothing else.
func (s *Spec) shortage(r *quorum.Round, q request) []error {
	short := &shortage{needed: q.n, limit: s.limit}
	var nodes []slotset.Set
	for _, g := range grants(r) {
		if *g == (grant{}) {
			continue
		}
		short.more = short.more || len(slotset.Parse(g.free)) >= q.telling
		nodes = append(nodes, g.available())
	}
	if q.telling == 0 || len(nodes) < r.Majority() {
		return nil
	}
	short.free = slotset.CountOnMajorities(nodes, r.Majority())
	return []error{short}
}
