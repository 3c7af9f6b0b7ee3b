package fakenode

import "time"

// Counters number the leases of locks, by the counter's key.
type Counters struct {
	Skew        time.Duration // of the node's clock, from which counters begin
	NoWriteBack bool          // wrong: a number of another node is not kept

	byKey map[string]counter
}

type counter struct {
	number int64
	ends   time.Time
}

// number is the live counter at key, or 0.
func (c *Counters) number(key string) int64 {
	if n := c.byKey[key]; time.Now().Before(n.ends) {
		return n.number
	}
	return 0
}

// count sets a counter. It outlasts a lease of so many ms.
func (c *Counters) count(key string, number, ms int64) {
	c.byKey[key] = counter{number, time.Now().Add(24*time.Hour + time.Duration(ms)*time.Millisecond)}
}

// first is the number of the first lease.
func (c *Counters) first() int64 { return time.Now().Add(c.Skew).UnixMicro() }

// issue is that of grant_prelude.lua.
func (c *Counters) issue(key string, ms int64) int64 {
	number := c.number(key) + 1
	if number == 1 {
		number = c.first()
	}
	c.count(key, number, ms)
	return number
}
