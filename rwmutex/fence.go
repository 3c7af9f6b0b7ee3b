package rwmutex

import (
	"github.com/holdfast-go/holdfast/internal/redlock"
	"github.com/holdfast-go/holdfast/scripts"
)

// fenced is the writers' half when its leases are numbered.
var fenced = &redlock.Protocol{
	Kind:     "rwmutex",
	Acquire:  scripts.RWMutex().WriteAcquireFenced,
	Extend:   scripts.RWMutex().WriteExtendFenced,
	Release:  scripts.RWMutex().WriteRelease,
	Check:    scripts.RWMutex().WriteCheck,
	Repair:   scripts.RWMutex().WriteRepairFenced,
	Pass:     scripts.RWMutex().WritePassFenced,
	Withdraw: scripts.RWMutex().WriteWithdraw,
	Grants:   true,
	Fence:    scripts.RWMutex().WriteFence,
	FenceKey: ":rwmutex:fence",
	AuxKeys:  keys,
}

// WithFencing gives every write lease a fencing token: see [RWMutex.Fence]. Lock costs one
// more round trip where the nodes do not agree on the number yet. That is so on the first Lock
// of a name, and after a node was away. By default leases have none.
//
// Each process that writes needs the option: a lease without a number is not in the order of
// the others. Read leases have none.
func WithFencing() Option {
	return optionFunc(func(c *redlock.Config) { c.Fencing = true })
}

// Fence returns the fencing token of the current writer, or of the last one. That number is
// larger than the one of every earlier writer of the name, in all processes that use
// [WithFencing].
//
// Give it to the resource with each change, and have the resource refuse a number that is
// smaller than one it has seen. A writer that was paused, and goes on after its lease has
// ended, then changes nothing.
//
// Downgrade ends the write lease: the number does not cover what is written after it. It is
// 0 without WithFencing, before the first Lock, and for a lease from [WithValue], whose
// number only the process that acquired it has.
func (rw *RWMutex) Fence() int64 { return rw.made().Writer.Fence() }
