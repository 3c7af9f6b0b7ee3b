package histories

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// op is an operation of a history: a hold begins, or ends.
type op struct {
	ends  bool
	hold  int    // the hold's number
	kind  string // "writer", "reader" or "permit"
	slots []int  // of a permit
	limit int    // of the semaphore
}

// holder is what the model knows of a hold.
type holder struct {
	kind  string
	slots []int
}

// model is a lock of any kind with holds that end. Its states are maps that are never
// changed, from a hold's number to the holder.
var model = porcupine.Model{
	Init: func() any { return map[int]holder{} },
	Step: func(state, input, _ any) (bool, any) {
		now, o := state.(map[int]holder), input.(op)
		if o.ends {
			return leave(now, o)
		}
		return enter(now, o)
	},
	Equal: func(a, b any) bool {
		return maps.EqualFunc(a.(map[int]holder), b.(map[int]holder), func(x, y holder) bool { return x.kind == y.kind })
	},
	DescribeOperation: func(input, _ any) string {
		o := input.(op)
		if o.ends {
			return fmt.Sprintf("%s %d ends", o.kind, o.hold)
		}
		return fmt.Sprintf("%s %d %v", o.kind, o.hold, o.slots)
	},
	DescribeState: func(state any) string {
		var words []string
		for n, h := range state.(map[int]holder) {
			words = append(words, fmt.Sprintf("%s %d %v", h.kind, n, h.slots))
		}
		slices.Sort(words)
		return strings.Join(words, ", ")
	},
}

func leave(now map[int]holder, o op) (bool, any) {
	if _, there := now[o.hold]; !there {
		return false, now
	}
	next := maps.Clone(now)
	delete(next, o.hold)
	return true, next
}

func enter(now map[int]holder, o op) (bool, any) {
	taken := len(o.slots)
	for _, other := range now {
		taken += len(other.slots)
		if conflict(o, other) {
			return false, now
		}
	}
	if o.limit > 0 && taken > o.limit {
		return false, now
	}
	next := maps.Clone(now)
	next[o.hold] = holder{o.kind, o.slots}
	return true, next
}

func conflict(o op, other holder) bool {
	if o.kind == "permit" {
		return slices.ContainsFunc(o.slots, func(slot int) bool { return slices.Contains(other.slots, slot) })
	}
	return o.kind == "writer" || other.kind == "writer"
}
