package slotset

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSets(t *testing.T) {
	require.Equal(t, []int{1, 3, 4, 7}, Of("3-4,7", "", "1,7").Sorted())
	require.Empty(t, Of("").Sorted())
}

// Node 3 has all that others have, but no majority has the same two slots with node 2.
func TestOnOneMajority(t *testing.T) {
	nodes := []Set{Of("0-2,5"), Of("1-3"), Of("7"), Of("0-9")}
	require.Equal(t, []int{1, 2}, OnOneMajority(nodes, 3, 1))
	require.Equal(t, []int{1, 2}, OnOneMajority(nodes, 3, 2))
	require.Nil(t, OnOneMajority(nodes, 3, 3))
	require.Equal(t, []int{0}, OnOneMajority([]Set{Of("0"), Of("0")}, 2, 1))
	require.Nil(t, OnOneMajority(nodes[:2], 3, 1), "two are no majority of four")
	require.Equal(t, 2, CountOnMajorities(nodes, 3))
	require.Equal(t, 4, CountOnMajorities([]Set{Of("0-1"), Of("1-2,4"), Of("0,2,4")}, 2), "0, 1, 2 and 4, on three majorities")
}

// The first majority that will do is the first in the order of the nodes, as every choice
// of them in ascending order shows.
func TestOnOneMajorityIsTheFirst(t *testing.T) {
	for range 2_000 {
		nodes := make([]Set, 1+rand.N(5))
		for i := range nodes {
			nodes[i] = randomSet(6)
		}
		quorum, n := len(nodes)/2+1, 1+rand.N(3)
		require.Equal(t, firstInCommon(nodes, quorum, n), OnOneMajority(nodes, quorum, n), "%v", nodes)
		counted := 0
		for slot := range 6 {
			if firstInCommon(only(nodes, slot), quorum, 1) != nil {
				counted++
			}
		}
		require.Equal(t, counted, CountOnMajorities(nodes, quorum), "%v", nodes)
	}
}

// firstInCommon tries every choice of quorum nodes. Of two choices the first is that with
// the lower node where they differ first.
func firstInCommon(nodes []Set, quorum, n int) []int {
	for choice := 1<<len(nodes) - 1; choice > 0; choice-- {
		if bits.OnesCount(uint(choice)) != quorum {
			continue
		}
		var common []int
		for slot := range 6 {
			all := true
			for i, node := range nodes {
				all = all && (choice>>(len(nodes)-1-i)&1 == 0 || node[slot])
			}
			if all {
				common = append(common, slot)
			}
		}
		if len(common) >= n {
			return common
		}
	}
	return nil
}

// only reduces each node to one slot.
func only(nodes []Set, slot int) []Set {
	reduced := make([]Set, len(nodes))
	for i, node := range nodes {
		reduced[i] = make(Set)
		if node[slot] {
			reduced[i][slot] = true
		}
	}
	return reduced
}

func randomSet(n int) Set {
	s := make(Set)
	for slot := range n {
		if rand.N(2) == 0 {
			s[slot] = true
		}
	}
	return s
}

func TestRoomBelow(t *testing.T) {
	for _, c := range []struct {
		occupied           string
		limit, known, room int
	}{
		{"", 2, 0, 2},
		{"1", 2, 0, 2},        // within the limit
		{"2", 2, 0, 1},        // slot 0 and slot 2 make two
		{"1-2", 2, 0, 0},      // they make two already
		{"5-9", 40, 8, 40},    // all are below
		{"40-71", 40, 8, 8},   // 32 above leave eight
		{"40-72", 40, 8, 0},   // and one more none that are known
		{"39,41", 40, 8, 38},  // slot 38 would be the 41st
		{"100-200", 40, 0, 0}, // more than the limit
		{"0-9999", 40, 8, 0},  // all
	} {
		require.Equal(t, c.room, Of(c.occupied).RoomBelow(c.limit, c.known), "%+v", c)
	}
}

// The rule that RoomBelow follows, read literally.
func TestRoomBelowIsTheLargest(t *testing.T) {
	for range 2_000 {
		s, limit := randomSet(12), 1+rand.N(8)
		known := rand.N(limit)
		want := 0
		for room := known; room <= limit; room++ {
			if above := len(slices.DeleteFunc(s.Sorted(), func(slot int) bool { return slot < room })); room+above <= limit {
				want = room
			}
		}
		require.Equal(t, want, s.RoomBelow(limit, known), "%v, limit %d, known from %d", s, limit, known)
	}
}

// A reply may list very many slots, and is gone through once.
func TestRoomBelowGoesThroughTheSlotsOnce(t *testing.T) {
	const limit, known = 100, 68
	s, seen, asked := Of("0-99999"), 0, 0
	counted := func(yield func(int) bool) {
		for slot := range s {
			if seen++; !yield(slot) {
				return
			}
		}
	}
	has := func(slot int) bool {
		asked++
		return s[slot]
	}
	require.Zero(t, roomBelow(counted, has, limit, known))
	require.Equal(t, len(s), seen)
	require.LessOrEqual(t, asked, limit-known+1)
}
