package redlock

import (
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/keyslot"
	"github.com/holdfast-go/holdfast/scripts"
)

// fakeCounter counts the holds of a lock on a fake node.
type fakeCounter struct {
	number int64
	ends   time.Time
}

// fencedScript is what a script does besides the one that it runs.
type fencedScript struct {
	body  *scripts.Script
	gives bool // new numbers; or else it keeps one
}

var fencedScripts = map[*scripts.Script]fencedScript{
	scripts.Mutex().AcquireFenced:     {scripts.Mutex().Acquire, true},
	scripts.Mutex().PassFenced:        {scripts.Mutex().Pass, true},
	scripts.Mutex().RepairFenced:      {scripts.Mutex().Acquire, false},
	scripts.Mutex().ExtendFenced:      {scripts.Mutex().Extend, false},
	scripts.Mutex().ExtendOrSetFenced: {scripts.Mutex().ExtendOrSet, false},
	scripts.Mutex().Fence:             {scripts.Mutex().Check, false},

	scripts.RWMutex().WriteAcquireFenced: {scripts.RWMutex().WriteAcquire, true},
	scripts.RWMutex().WritePassFenced:    {scripts.RWMutex().WritePass, true},
	scripts.RWMutex().WriteRepairFenced:  {scripts.RWMutex().WriteAcquire, false},
	scripts.RWMutex().WriteExtendFenced:  {scripts.RWMutex().WriteExtend, false},
	scripts.RWMutex().WriteFence:         {scripts.RWMutex().WriteCheck, false},
}

// The fenced variants of the tests' protocols.
func init() {
	testProtocol.Fenced = &Protocol{
		Kind:     "test",
		Acquire:  scripts.Mutex().AcquireFenced,
		Extend:   scripts.Mutex().ExtendFenced,
		Revive:   scripts.Mutex().ExtendOrSetFenced,
		Release:  scripts.Mutex().Release,
		Check:    scripts.Mutex().Check,
		Repair:   scripts.Mutex().RepairFenced,
		Pass:     scripts.Mutex().PassFenced,
		Withdraw: scripts.Mutex().Withdraw,
		Fence:    scripts.Mutex().Fence,
		FenceKey: "fence",
		LineKeys: testProtocol.LineKeys,
	}
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
		AuxKeys:  rwKeys,
	}
}

// runFenced runs a script that numbers holds. f.mu is held.
func (f *fakeNode) runFenced(of fencedScript, call *driver.Call) any {
	keys, args := call.Keys(), call.Args()
	key := keys[1].(string)
	if len(keys) >= 7 {
		key = keys[6].(string)
	}
	last := args[len(args)-1].(int64)
	body := driver.NewCall(of.body, keys, args[:len(args)-1]...)
	reply := f.run(&body)
	if reply != int64(1) {
		return reply
	}
	own := f.counter(key)
	number := own + last
	switch {
	case !of.gives:
		number = max(own, last)
	case own == 0:
		number = time.Now().Add(f.skew).UnixMicro() + last - 1
	}
	if number > 0 && !(f.perGrant && !of.gives) {
		f.counters[key] = fakeCounter{number, time.Now().Add(24*time.Hour + time.Duration(args[1].(int64))*time.Millisecond)}
	}
	if of.gives {
		return number
	}
	return reply
}

// counter is the live counter at key, or 0.
func (f *fakeNode) counter(key string) int64 {
	if c := f.counters[key]; time.Now().Before(c.ends) {
		return c.number
	}
	return 0
}

// setCounter is what a node may have come to.
func (f *fakeNode) setCounter(key string, number int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counters[key] = fakeCounter{number, time.Now().Add(24 * time.Hour)}
}

// counted is the counter of the tests' lock.
func (f *fakeNode) counted() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counter(keyslot.Aux("name", "fence"))
}
