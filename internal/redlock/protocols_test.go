package redlock

import (
	"github.com/holdfast-go/holdfast/internal/redlock/keyslot"
	"github.com/holdfast-go/holdfast/scripts"
)

// testProtocol is a protocol of the tests' own: the engine must not know which
// primitive it runs.
var testProtocol = &Protocol{
	Kind:    "test",
	Acquire: scripts.Mutex().Acquire,
	Extend:  scripts.Mutex().Extend,
	Revive:  scripts.Mutex().ExtendOrSet,
	Release: scripts.Mutex().Release,
	Check:   scripts.Mutex().Check,

	Pass:      scripts.Mutex().Pass,
	Withdraw:  scripts.Mutex().Withdraw,
	QueueKeys: []string{"queue", "awaited"},
}

// grantProtocol is the same, of which a release may grant.
var grantProtocol = func() *Protocol {
	p := *testProtocol
	p.Plain, p.Grants, p.Polled = true, true, true
	return &p
}()

// The protocols of a read-write lock, of the tests' own.
var (
	rwKeys = []string{":w", ":r", ":i", ":o", ":a"}

	writeProtocol = &Protocol{
		Kind:     "test",
		Half:     "write",
		Acquire:  scripts.RWMutex().WriteAcquire,
		Extend:   scripts.RWMutex().WriteExtend,
		Release:  scripts.RWMutex().WriteRelease,
		Check:    scripts.RWMutex().WriteCheck,
		Pass:     scripts.RWMutex().WritePass,
		Withdraw: scripts.RWMutex().WriteWithdraw,
		Grants:   true,
		AuxKeys:  rwKeys,
	}
	readProtocol = &Protocol{
		Kind:     "test",
		Half:     "read",
		Acquire:  scripts.RWMutex().ReadAcquire,
		Extend:   scripts.RWMutex().ReadExtend,
		Repair:   scripts.RWMutex().ReadRepair,
		Release:  scripts.RWMutex().ReadRelease,
		Check:    scripts.RWMutex().ReadCheck,
		Convert:  scripts.RWMutex().Downgrade,
		Withdraw: scripts.RWMutex().ReadWithdraw,
		Grants:   true,
		AuxKeys:  rwKeys,
	}
)

// rwName is the key of the writer in tests.
var rwName = keyslot.Aux("name", rwKeys[0])

// fenceKey is the key of the mutex's counter in tests.
var fenceKey = keyslot.Aux("name", "fence")

// slotsProtocol is a protocol with slots, of the tests' own.
var slotsProtocol = &Protocol{
	Kind:    "test",
	Acquire: scripts.Semaphore().Acquire,
	Extend:  scripts.Semaphore().Extend,
	Release: scripts.Semaphore().Release,
	Check:   scripts.Semaphore().Check,
	AuxKeys: []string{"held"},

	Withdraw:  scripts.Semaphore().Withdraw,
	QueueKeys: []string{"queue"},
	Grants:    true,
}

// The fenced variants of the tests' protocols.
func init() {
	testProtocol.Fenced = &Protocol{
		Kind:      "test",
		Acquire:   scripts.Mutex().AcquireFenced,
		Extend:    scripts.Mutex().ExtendFenced,
		Revive:    scripts.Mutex().ExtendOrSetFenced,
		Release:   scripts.Mutex().Release,
		Check:     scripts.Mutex().Check,
		Repair:    scripts.Mutex().RepairFenced,
		Pass:      scripts.Mutex().PassFenced,
		Withdraw:  scripts.Mutex().Withdraw,
		Fence:     scripts.Mutex().Fence,
		FenceKey:  "fence",
		QueueKeys: testProtocol.QueueKeys,
	}
	grantProtocol.Fenced = func() *Protocol {
		p := *testProtocol.Fenced
		p.Grants, p.Polled = true, true
		return &p
	}()
	writeProtocol.Fenced = &Protocol{
		Kind:     "test",
		Acquire:  scripts.RWMutex().WriteAcquireFenced,
		Extend:   scripts.RWMutex().WriteExtendFenced,
		Release:  scripts.RWMutex().WriteRelease,
		Check:    scripts.RWMutex().WriteCheck,
		Repair:   scripts.RWMutex().WriteRepairFenced,
		Pass:     scripts.RWMutex().WritePassFenced,
		Withdraw: scripts.RWMutex().WriteWithdraw,
		Fence:    scripts.RWMutex().WriteFence,
		FenceKey: ":f",
		Grants:   true,
		AuxKeys:  rwKeys,
	}
}

func queueKeysOf(p *Protocol, name string) []any {
	return auxKeys(p.keys(name), name, p.QueueKeys)
}
