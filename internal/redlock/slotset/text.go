// Package slotset computes with sets of a semaphore's numbered slots: as the text in which
// nodes list them, and as what the sets of several nodes have in common. It asks no node.
//
// The text of a set is its slots in ascending order, adjacent ones as one run: "3-4,7" is
// 3, 4 and 7, and the empty text is the empty set.
package slotset

import (
	"strconv"
	"strings"
)

// Max is the largest number of slots of one semaphore. They are 0 … Max−1.
const Max = 1_000_000

// Valid reports whether a text may be a set. It rejects what else a server may
// send, such as OK, and leaves it to Parse whether the runs make sense.
func Valid(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && c != ',' && c != '-' {
			return false
		}
	}
	return true
}

// Parse reads a set, in ascending order. What no script sends is left out, among it what
// does not ascend, so that no text, however it came about, makes more than Max slots.
func Parse(text string) []int {
	var slots []int
	for text != "" {
		var run string
		run, text, _ = strings.Cut(text, ",")
		slots = appendRun(slots, run)
	}
	return slots
}

func appendRun(slots []int, run string) []int {
	first, last, more := strings.Cut(run, "-")
	if !more {
		last = first
	}
	from, err := strconv.Atoi(first)
	to, errTo := strconv.Atoi(last)
	if err != nil || errTo != nil || to >= Max || len(slots) > 0 && from <= slots[len(slots)-1] {
		return slots
	}
	for ; from <= to; from++ {
		slots = append(slots, from)
	}
	return slots
}

// Format writes ascending slots in the one way that there is.
func Format(slots []int) string {
	var b strings.Builder
	for len(slots) > 0 {
		n := 1
		for n < len(slots) && slots[n] == slots[0]+n {
			n++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(slots[0]))
		if n > 1 {
			b.WriteByte('-')
			b.WriteString(strconv.Itoa(slots[n-1]))
		}
		slots = slots[n:]
	}
	return b.String()
}

// Last returns the highest slot of a set, or −1 for the empty one.
func Last(text string) int {
	last, err := strconv.Atoi(text[strings.LastIndexAny(text, ",-")+1:])
	if err != nil {
		return -1
	}
	return last
}
