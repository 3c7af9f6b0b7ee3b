package histories

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// step is what an operation does to a section.
type step int

const (
	begins step = iota
	downgrades
	ends
)

// op is an operation of a history: one step of one section.
type op struct {
	step    step
	section int    // its number
	kind    string // "writer", "reader" or "permit"
	slots   []int  // of a permit
	limit   int    // of the semaphore
	fenced  bool   // a writer of this lock has a fencing token …
	fence   int64  // … which is this
	stale   bool   // it begins on a lease that had ended when the call began
}

// holder is what the model knows of a section.
type holder struct {
	kind  string
	slots []int
}

// lock is the model's state, which is never changed.
type lock struct {
	holders map[int]holder // by the section's number
	fence   int64          // the largest so far
}

// model is a lock of any kind with sections that end.
var model = porcupine.Model{
	Init: func() any { return lock{} },
	Step: func(state, input, _ any) (bool, any) {
		now, o := state.(lock), input.(op)
		if o.step == begins {
			return enter(now, o)
		}
		return change(now, o)
	},
	Equal: func(a, b any) bool {
		x, y := a.(lock), b.(lock)
		return x.fence == y.fence &&
			maps.EqualFunc(x.holders, y.holders, func(x, y holder) bool { return x.kind == y.kind })
	},
	DescribeOperation: func(input, _ any) string {
		o := input.(op)
		switch o.step {
		case downgrades:
			return fmt.Sprintf("%s %d downgrades", o.kind, o.section)
		case ends:
			return fmt.Sprintf("%s %d ends", o.kind, o.section)
		default:
			return fmt.Sprintf("%s %d %v, fence %d", o.kind, o.section, o.slots, o.fence)
		}
	},
	DescribeState: func(state any) string {
		var words []string
		for n, h := range state.(lock).holders {
			words = append(words, fmt.Sprintf("%s %d %v", h.kind, n, h.slots))
		}
		slices.Sort(words)
		return strings.Join(words, ", ")
	},
}

// change ends a section, or has its writer read on.
func change(now lock, o op) (bool, any) {
	if _, there := now.holders[o.section]; !there {
		return false, now
	}
	next := lock{maps.Clone(now.holders), now.fence}
	if o.step == ends {
		delete(next.holders, o.section)
	} else {
		next.holders[o.section] = holder{"reader", nil}
	}
	return true, next
}

func enter(now lock, o op) (bool, any) {
	if o.stale || o.fenced && o.kind == "writer" && o.fence <= now.fence {
		return false, now
	}
	taken := len(o.slots)
	for _, other := range now.holders {
		taken += len(other.slots)
		if conflict(o, other) {
			return false, now
		}
	}
	if o.limit > 0 && taken > o.limit {
		return false, now
	}
	next := lock{maps.Clone(now.holders), max(now.fence, o.fence)}
	if next.holders == nil {
		next.holders = make(map[int]holder)
	}
	next.holders[o.section] = holder{o.kind, o.slots}
	return true, next
}

func conflict(o op, other holder) bool {
	if o.kind == "permit" {
		return slices.ContainsFunc(o.slots, func(slot int) bool { return slices.Contains(other.slots, slot) })
	}
	return o.kind == "writer" || other.kind == "writer"
}
