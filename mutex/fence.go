package mutex

import (
	"github.com/holdfast-go/holdfast/internal/redlock"
	"github.com/holdfast-go/holdfast/scripts"
)

// fenced is the mutex whose holds are numbered.
var fenced = &redlock.Protocol{
	Kind:     "mutex",
	Acquire:  scripts.Mutex().AcquireFenced,
	Extend:   scripts.Mutex().ExtendFenced,
	Revive:   scripts.Mutex().ExtendOrSetFenced,
	Release:  scripts.Mutex().Release,
	Check:    scripts.Mutex().Check,
	Repair:   scripts.Mutex().RepairFenced,
	Pass:     scripts.Mutex().PassFenced,
	Withdraw: scripts.Mutex().Withdraw,
	Fence:    scripts.Mutex().Fence,
	FenceKey: ":mutex:fence",
	LineKeys: lineKeys,
}

// WithFencing gives every hold a fencing token: see [Mutex.Fence]. While goroutines wait
// for one *Mutex its leases come with a block of numbers, one for each holder. A Lock then
// costs one more round trip where the nodes do not agree on the number yet: on the
// first Lock of a name, and after a node was away. By default holds have none.
//
// Each process that locks the name needs it: a hold without a number is not in the
// order of the others.
func WithFencing() Option {
	return optionFunc(func(c *redlock.Config) { c.Fencing = true })
}

// Fence is the fencing token of the current hold, or of the last one: a number that
// is larger than that of every hold of the same name before it, in all processes
// that use [WithFencing]. Give it to the resource with each change, and have the
// resource refuse a number that is smaller than one it has seen: so it is safe from
// a holder that was paused, and goes on after its hold has ended.
//
// It is 0 without WithFencing, before the first hold, and for a hold from
// [WithValue], whose number only the process that acquired it has.
func (m *Mutex) Fence() int64 { return m.made().Fence() }
