package fakenode

import (
	"strings"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

// Run does what a call does on a server, without the node's faults. Of a [Node], Mu is held.
func (s *State) Run(call *driver.Call) any {
	name, script := call.Keys()[0].(string), call.Script()
	if script == nil {
		return s.setNX(name, call.Args())
	}
	if of, ok := fencedScripts[script]; ok {
		return s.runFenced(of, call)
	}
	if rwScripts[script] != nil {
		return s.runRW(call)
	}
	if l := s.RWs[name]; l != nil && script == scripts.Mutex().Release {
		return l.releaseQuietly(call.Args()[0])
	}
	if strings.HasPrefix(script.Name(), "semaphore_") {
		return s.runSlots(call)
	}
	return s.runMutex(call)
}
