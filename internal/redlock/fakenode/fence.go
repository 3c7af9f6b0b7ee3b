package fakenode

import (
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

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

// runFenced runs a script that numbers leases.
func (s *State) runFenced(of fencedScript, call *driver.Call) any {
	keys, args := call.Keys(), call.Args()
	key := keys[1].(string)
	if len(keys) >= 6 {
		key = keys[5].(string)
	}
	last := args[len(args)-1].(int64)
	body := driver.NewCall(of.body, keys, args[:len(args)-1]...)
	if reply := s.Run(&body); reply != int64(1) {
		return reply
	}
	number := s.next(of, key, last)
	if number > 0 && (of.gives || !s.NoWriteBack) {
		s.count(key, number, args[1].(int64))
	}
	if of.gives {
		return number
	}
	return int64(1)
}

// next is what a counter comes to by a script whose last argument is that: how many numbers
// it gives, or the number that it keeps.
func (s *State) next(of fencedScript, key string, last int64) int64 {
	switch own := s.number(key); {
	case !of.gives:
		return max(own, last)
	case own == 0:
		return s.first() + last - 1
	default:
		return own + last
	}
}
