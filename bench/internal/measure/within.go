package measure

import "time"

// Within runs op and returns how long it took, or ok = false once limit has
// passed: op is then left to itself, and must be harmless when it ends later.
func Within(limit time.Duration, op func()) (took time.Duration, ok bool) {
	done := make(chan time.Duration, 1)
	go func() {
		start := time.Now()
		op()
		done <- time.Since(start)
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case took = <-done:
		return took, true
	case <-timer.C:
		return limit, false
	}
}
