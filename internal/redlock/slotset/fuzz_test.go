package slotset

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Slots are read as they were written, and anything else without a panic.
func FuzzSlots(f *testing.F) {
	for _, text := range []string{"", "0", "3-4,7", "7-3", "3-7,5,1", "-1", ",", "1-", "0-999999", "0-99999999999999999999", "1 2 3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		slots := Parse(text)
		require.True(t, isAscending(slots))
		require.Less(t, len(slots), Max+1)
		written := Format(slots)
		require.True(t, Valid(written))
		require.True(t, slices.Equal(slots, Parse(written)))
		require.Equal(t, append([]int{-1}, slots...)[len(slots)], Last(written))
		if len(slots) > 1_000 {
			return // TestRoomBelowGoesThroughTheSlotsOnce has such sets
		}
		set := Of(text, written)
		require.True(t, slices.Equal(slots, set.Sorted()))
		room := set.RoomBelow(40, 8)
		require.True(t, room == 0 || room >= 8 && room <= 40, "%d", room)
	})
}

func isAscending(slots []int) bool {
	for i := 1; i < len(slots); i++ {
		if slots[i] <= slots[i-1] {
			return false
		}
	}
	return true
}
