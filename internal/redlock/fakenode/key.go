package fakenode

import "time"

// Key is the value of a key with an expiry.
type Key struct {
	Token string
	Ends  time.Time
}

// Permit is a token's slots.
type Permit struct {
	Slots []int
	Ends  time.Time
}
