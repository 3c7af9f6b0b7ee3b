package slotset

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestText(t *testing.T) {
	for text, slots := range map[string][]int{
		"":            nil,
		"0":           {0},
		"3-4":         {3, 4},
		"0-2,5,7-8":   {0, 1, 2, 5, 7, 8},
		"9,11,13-999": append([]int{9, 11}, series(13, 999)...),
	} {
		require.Equal(t, text, Format(slots))
		require.Equal(t, slots, Parse(text))
	}
	for _, text := range []string{"x", "-", "4-3", "5-", "-5", ",", "0-99999999"} {
		require.Empty(t, Parse(text), text)
	}
	require.Equal(t, []int{3, 4, 7}, Parse("3-4,4,0-5,7,7,3-4"), "slots ascend")
}

func series(from, to int) []int {
	var slots []int
	for ; from <= to; from++ {
		slots = append(slots, from)
	}
	return slots
}

func TestLast(t *testing.T) {
	for text, last := range map[string]int{"": -1, "7": 7, "7-9": 9, "7-9,12": 12, "7,9-12": 12} {
		require.Equal(t, last, Last(text), text)
	}
}
