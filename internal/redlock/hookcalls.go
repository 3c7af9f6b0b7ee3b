package redlock

import (
	"sync"

	"github.com/holdfast-go/holdfast"
)

// hookCalls are the calls of hooks that the observer's own goroutine makes, one after the
// other. It ends when there are none.
type hookCalls struct {
	mu      sync.Mutex
	waiting []func()
	running bool
}

// post has f called. It does not wait, and may be used under a lock.
func (c *hookCalls) post(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(f)
}

// postIfFew is post, but leaves f out where a hook has blocked for long.
func (c *hookCalls) postIfFew(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) < holdfast.MaxPending {
		c.add(f)
	}
}

func (c *hookCalls) add(f func()) {
	c.waiting = append(c.waiting, f)
	if !c.running {
		c.running = true
		go c.run()
	}
}

// settle waits for the calls that were posted before.
func (c *hookCalls) settle() {
	c.mu.Lock()
	if !c.running {
		c.mu.Unlock()
		return
	}
	done := make(chan struct{})
	c.add(func() { close(done) })
	c.mu.Unlock()
	<-done
}

// run makes the calls. One that ends its goroutine, as a test's FailNow does, does not end
// those after it.
func (c *hookCalls) run() {
	over := false
	defer func() {
		if !over {
			go c.run()
		}
	}()
	for f := c.next(); f != nil; f = c.next() {
		f()
	}
	over = true
}

func (c *hookCalls) next() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 {
		c.waiting, c.running = nil, false
		return nil
	}
	f := c.waiting[0]
	c.waiting = c.waiting[1:]
	return f
}
