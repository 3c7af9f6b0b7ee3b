// Package faketime runs tests on fake time, in a bubble of testing/synctest. Only tests
// import it.
package faketime

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
)

// Run is [synctest.Test]. With the race detector it leaves the process one processor
// meanwhile. Go's runtime, in 1.26.8, keeps one context of the detector for all timers of a
// bubble, and uses it on two processors at once where goroutines meet timers that are due. The
// detector crashes then, or a check of its own fails. It finds races by what happens before
// what, and not by what runs side by side, so little is lost.
func Run(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if racing {
		alone.enter()
		defer alone.leave()
	}
	synctest.Test(t, test) //nolint:forbidigo // what others call in its place
}

// alone is what the tests on fake time that run at a time have in common.
var alone processors

// processors are those that the process may use: only one while any test needs that.
type processors struct {
	mu     sync.Mutex
	users  int
	before int
}

func (p *processors) enter() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users++; p.users == 1 {
		p.before = runtime.GOMAXPROCS(1)
	}
}

func (p *processors) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users--; p.users == 0 {
		runtime.GOMAXPROCS(p.before)
	}
}
