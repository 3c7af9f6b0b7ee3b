package valkeygo

import "time"

// SetPingInterval changes how often new subscriptions are pinged.
func SetPingInterval(interval time.Duration) (restore func()) {
	before := pingInterval
	pingInterval = interval
	return func() { pingInterval = before }
}
