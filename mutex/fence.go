package mutex

import (
	"github.com/holdfast-go/holdfast/internal/redlock"
	"github.com/holdfast-go/holdfast/scripts"
)

// fenced is the mutex whose leases are numbered.
var fenced = &redlock.Protocol{
	Kind:      "mutex",
	Acquire:   scripts.Mutex().AcquireFenced,
	Extend:    scripts.Mutex().ExtendFenced,
	Revive:    scripts.Mutex().ExtendOrSetFenced,
	Release:   scripts.Mutex().Release,
	Check:     scripts.Mutex().Check,
	Repair:    scripts.Mutex().RepairFenced,
	Pass:      scripts.Mutex().PassFenced,
	Withdraw:  scripts.Mutex().Withdraw,
	Fence:     scripts.Mutex().Fence,
	FenceKey:  ":mutex:fence",
	QueueKeys: queueKeys,
	Grants:    true,
	Polled:    true,
}

// WithFencing gives every lease a fencing token: see [Mutex.Fence]. Lock costs one more round
// trip where the nodes do not agree on the number yet. That is so on the first Lock of a name,
// and after a node was away. While goroutines wait for one *Mutex its leases come with a block
// of numbers, one for each holder. By default leases have none.
//
// Each process that locks the name needs the option: a lease without a number is not in
// the order of the others.
func WithFencing() Option {
	return optionFunc(func(c *redlock.Config) { c.Fencing = true })
}

// Fence returns the fencing token of the current holder, or of the last one. That number
// is larger than the one of every earlier holder of the name, in all processes that use
// [WithFencing].
//
// Give it to the resource with each change, and have the resource refuse a number that is
// smaller than one it has seen. A holder that was paused, and goes on after its lease has
// ended, then changes nothing.
//
// It is 0 without WithFencing, before the first Lock, and for a lease from [WithValue],
// whose number only the process that acquired it has.
func (m *Mutex) Fence() int64 { return m.made().Fence() }
