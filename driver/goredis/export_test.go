package goredis

import "time"

// SetPingInterval changes how often new subscriptions are pinged.
func SetPingInterval(interval time.Duration) (restore func()) {
	before := pingInterval.Swap(int64(interval))
	return func() { pingInterval.Store(before) }
}
