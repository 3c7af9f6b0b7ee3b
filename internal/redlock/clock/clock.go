// Package clock reads both clocks of the process.
//
// The monotonic clock cannot be set, but on Linux it stands still while the machine is
// suspended. The wall clock runs on then, but can be set. What must not outlast a time is
// therefore measured by both.
package clock

import "time"

// Instant is one reading of both clocks.
type Instant struct {
	time.Time           // carries the monotonic reading, which comparisons use
	Wall      time.Time // the wall clock alone
}

// Since is the time from another instant to this one, by the clock that has gone further.
func (i Instant) Since(from Instant) time.Duration {
	return max(i.Sub(from.Time), i.Wall.Sub(from.Wall))
}

// Clock reads the clocks. The zero Clock is the process's own.
type Clock struct {
	// Step is the seam through which tests step the wall clock. It is nil outside tests.
	Step func(time.Time) time.Time
}

// Now reads both.
func (c *Clock) Now() Instant { return c.At(time.Now()) }

// At is the instant of a reading that was taken just now.
func (c *Clock) At(now time.Time) Instant {
	if c.Step != nil {
		return Instant{now, c.Step(now)}
	}
	return Instant{now, now.Round(0)} // drops the monotonic reading
}
