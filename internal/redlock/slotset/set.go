package slotset

import (
	"iter"
	"maps"
	"slices"
)

// Set has a true for each of its slots, and nothing else.
type Set map[int]bool

// Of returns the union of sets that are given as text.
func Of(texts ...string) Set {
	s := make(Set)
	for _, text := range texts {
		s.Add(text)
	}
	return s
}

// Add adds the slots of a text.
func (s Set) Add(text string) {
	for _, slot := range Parse(text) {
		s[slot] = true
	}
}

// Sorted returns the slots in ascending order.
func (s Set) Sorted() []int {
	slots := make([]int, 0, len(s))
	for slot := range s {
		slots = append(slots, slot)
	}
	slices.Sort(slots)
	return slots
}

// OnOneMajority returns the slots that one and the same majority of the nodes has, in
// ascending order: of the majorities, the first one with at least n such slots; nil if
// there is none.
func OnOneMajority(nodes []Set, quorum, n int) []int { return common(nodes, quorum, n, nil) }

// common looks for need more nodes that, together with those chosen so far, have at least
// n slots in common, and returns these; nil if there are none.
func common(nodes []Set, need, n int, chosen Set) []int {
	if need == 0 {
		return chosen.Sorted()
	}
	for i, node := range nodes {
		both := node
		if chosen != nil {
			both = intersect(chosen, node)
		}
		if len(both) < n {
			continue
		}
		if found := common(nodes[i+1:], need-1, n, both); found != nil {
			return found
		}
	}
	return nil
}

func intersect(a, b Set) Set {
	both := make(Set)
	for slot := range a {
		if b[slot] {
			both[slot] = true
		}
	}
	return both
}

// CountOnMajorities counts the slots that a majority of the nodes has, each slot by a
// majority of its own.
func CountOnMajorities(nodes []Set, quorum int) int {
	votes := make(map[int]int)
	for _, node := range nodes {
		for slot := range node {
			votes[slot]++
		}
	}
	return countFrom(maps.Values(votes), quorum)
}

// RoomBelow returns the largest number up to limit that, together with the slots of the
// set from it up, is no more than limit. The set is known from the slot known up, and is
// taken to have all slots below, so that the result is 0 or at least known.
func (s Set) RoomBelow(limit, known int) int {
	return roomBelow(maps.Keys(s), func(slot int) bool { return s[slot] }, limit, known)
}

// roomBelow goes through the slots once, as a server at fault may list a million.
func roomBelow(slots iter.Seq[int], has func(slot int) bool, limit, known int) int {
	above, room := countFrom(slots, limit), limit
	for ; room >= known && room+above > limit; room-- {
		if has(room - 1) {
			above++
		}
	}
	if room < known {
		return 0
	}
	return room
}

func countFrom(slots iter.Seq[int], from int) (n int) {
	for slot := range slots {
		if slot >= from {
			n++
		}
	}
	return n
}
