package slotset

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Those that go on to other slots at the same time go on to different ones, as long as
// there are enough; and what one has let go of is there again.
func TestNeighboursProposeDifferentSlots(t *testing.T) {
	var p Proposals
	seen := make(map[int]bool)
	for range 8 {
		for _, slot := range Parse(p.Draw(series(0, 15), 2, true)) {
			require.False(t, seen[slot], "%d is another one's", slot)
			seen[slot] = true
		}
	}
	require.Len(t, seen, 16)
	require.Len(t, Parse(p.Draw(series(0, 15), 3, true)), 3, "without enough it may be another one's")
	require.Empty(t, p.Draw(series(0, 15), 17, true))
	p = Proposals{}
	one := p.Draw(series(0, 15), 15, false)
	require.Equal(t, "0-14", one, "the lowest")
	p.Drop(one)
	require.Equal(t, "0-15", p.Draw(series(0, 15), 16, false))
}
