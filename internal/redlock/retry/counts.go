package retry

import (
	"sync"
	"sync/atomic"
)

// Counts counts things of a kind. The zero Counts is empty. It is safe for concurrent use.
type Counts[K comparable] struct {
	used atomic.Bool // false as long as nothing was ever added
	mu   sync.Mutex
	n    map[K]int
}

// Add adds one.
func (c *Counts[K]) Add(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = make(map[K]int)
		c.used.Store(true)
	}
	c.n[key]++
}

// Remove takes one away.
func (c *Counts[K]) Remove(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n[key]--; c.n[key] <= 0 {
		delete(c.n, key)
	}
}

// Has reports whether there is one.
func (c *Counts[K]) Has(key K) bool {
	if !c.used.Load() {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[key] > 0
}
