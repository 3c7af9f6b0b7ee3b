package scripts

// The semaphore: for each lock two keys, which semaphore_prelude.lua explains.
// Every script of the semaphore begins with that file.
var (
	// SemaphoreAcquire takes slots for a token, all or none, in place of
	// tokens that its caller has given up, or else a place in line.
	SemaphoreAcquire = load("lifetime_prelude", "line_prelude", "semaphore_prelude", "semaphore_acquire")
	// SemaphoreExtend renews the lease of a token's slots.
	SemaphoreExtend = load("lifetime_prelude", "semaphore_prelude", "semaphore_extend")
	// SemaphoreRelease frees a token's slots, and wakes those in line whom they
	// serve.
	SemaphoreRelease = load("lifetime_prelude", "line_prelude", "wake_prelude", "semaphore_prelude", "semaphore_release")
	// SemaphoreWithdraw gives a place in line back.
	SemaphoreWithdraw = load("lifetime_prelude", "line_prelude", "wake_prelude", "semaphore_prelude", "semaphore_withdraw")
	// SemaphoreCheck tells whether a token has its slots.
	SemaphoreCheck = load("semaphore_prelude", "semaphore_check")
	// SemaphoreHeld lists all live permits.
	SemaphoreHeld = load("semaphore_prelude", "semaphore_held")
)
