package drivertest

import "time"

// SetPatience changes how long cases wait for what must happen.
func SetPatience(d time.Duration) { patience = d }
