package scripts

// The mutex: one string key, the lock's name, whose value is the holder's
// token. Key and value are those of Redsync, so both exclude each other. Those who
// wait stand in a line of two more keys, which line_prelude.lua explains.
var (
	// MutexAcquire takes the key for a token, in place of tokens that its
	// caller has given up, or else a place in line.
	MutexAcquire = load("mutex_acquire_prelude", "lifetime_prelude", "line_prelude", "mutex_acquire")
	// MutexExtend renews the key's lifetime for the token that holds it. It
	// never writes a missing key.
	MutexExtend = load("lifetime_prelude", "mutex_extend")
	// MutexExtendOrSet is MutexExtend, but sets a missing key
	// (WithSetNXOnExtend, Redsync's looser rule).
	MutexExtendOrSet = load("lifetime_prelude", "mutex_extend_or_set")
	// MutexPass is MutexExtend, and tells whether others stand in line.
	MutexPass = load("lifetime_prelude", "line_prelude", "mutex_pass")
	// MutexWithdraw gives a place in line back.
	MutexWithdraw = load("lifetime_prelude", "line_prelude", "wake_prelude", "mutex_withdraw")
	// MutexRelease deletes the key if the token holds it, and wakes the first in
	// line.
	MutexRelease = load("mutex_release_prelude", "lifetime_prelude", "line_prelude", "wake_prelude", "mutex_release")
	// MutexCheck tells who holds the key. It writes nothing.
	MutexCheck = load("mutex_check")
)
