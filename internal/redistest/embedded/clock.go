package embedded

import (
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// clock moves the time of a miniredis.
//
// It moves it ahead of every command rather than on a ticker. A ticker that
// fast-forwards by what has passed since its last round also takes that from a
// key made just before it fires, which would then expire early, and an early
// expiry is what a lock must never see.
type clock struct {
	mu    sync.Mutex // keeps two commands from setting the time in the wrong order
	redis *miniredis.Miniredis
}

// newClock stops the clock of redis until the first advance, and lets its keys
// expire by it.
func newClock(redis *miniredis.Miniredis) *clock {
	c := &clock{redis: redis}
	c.advance()
	redis.ClockTTL(true)
	return c
}

// advance sets the time to now. It waits for a script that is running, and must
// not be called from inside one.
//
// time.Now has a monotonic reading, by which miniredis measures how much of a
// lifetime is gone; TIME and PEXPIREAT use the wall clock's.
func (c *clock) advance() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.redis.SetTime(time.Now())
}
