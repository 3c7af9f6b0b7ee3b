package rwmutex

import (
	"github.com/holdfast-go/holdfast/internal/redlock"
	"github.com/holdfast-go/holdfast/scripts"
)

// fenced is the writers' half when its holds are numbered.
var fenced = &redlock.Protocol{
	Kind:     "rwmutex",
	Acquire:  scripts.RWMutex().WriteAcquireFenced,
	Extend:   scripts.RWMutex().WriteExtendFenced,
	Release:  scripts.RWMutex().WriteRelease,
	Check:    scripts.RWMutex().WriteCheck,
	Repair:   scripts.RWMutex().WriteRepairFenced,
	Pass:     scripts.RWMutex().WritePassFenced,
	Withdraw: scripts.RWMutex().WriteWithdraw,
	Fence:    scripts.RWMutex().WriteFence,
	FenceKey: ":rwmutex:fence",
	AuxKeys:  keys,
}

// WithFencing gives every write hold a fencing token: see [RWMutex.Fence]. A Lock
// then costs one more round trip where the nodes do not agree on the number yet: on
// the first Lock of a name, and after a node was away. By default holds have none.
//
// Each process that writes needs it: a hold without a number is not in the order of
// the others. Read holds have none.
func WithFencing() Option {
	return optionFunc(func(c *redlock.Config) { c.Fencing = true })
}

// Fence is the fencing token of the current write hold, or of the last one: a number
// that is larger than that of every write hold of the same name before it, in all
// processes that use [WithFencing]. Give it to the resource with each change, and
// have the resource refuse a number that is smaller than one it has seen: so it is
// safe from a writer that was paused, and goes on after its hold has ended.
//
// Downgrade ends the write hold: what is written after it is not covered by its
// number. It is 0 without WithFencing, before the first hold, and for a hold from
// [WithValue], whose number only the process that acquired it has.
func (rw *RWMutex) Fence() int64 { return rw.made().Writer.Fence() }
