package goredis

import "time"

// SetPings changes how often new subscriptions are pinged.
func SetPings(interval time.Duration) (restore func()) {
	before := pingInterval
	pingInterval = interval
	return func() { pingInterval = before }
}
