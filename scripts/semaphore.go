package scripts

// SemaphoreScripts are the scripts of the semaphore, whose permits are in one key:
// semaphore_prelude.lua explains it. Scripts that let a caller wait, or end a wait, get
// the queue's key too.
type SemaphoreScripts struct {
	// Acquire takes slots for a token, all or none, in place of tokens that its caller
	// has given up, or else a ticket.
	Acquire *Script
	// Extend renews the lease of a token's slots.
	Extend *Script
	// Release frees a token's slots, and grants them to the waiters that they serve, or
	// notifies these.
	Release *Script
	// Withdraw gives a ticket back.
	Withdraw *Script
	// Check reports whether a token has its slots.
	Check *Script
	// Held lists all live permits.
	Held *Script
	// Inspect shows permits and waiters, in bounded number. It writes nothing.
	Inspect *Script
}

// Semaphore returns the scripts of the semaphore.
func Semaphore() SemaphoreScripts { return semaphore }

var semaphore = SemaphoreScripts{
	Acquire:  load("semaphore_acquire_prelude", "time_prelude", "semaphore_prelude", "ticket_prelude", "queue_prelude", "semaphore_acquire"),
	Extend:   load("time_prelude", "semaphore_prelude", "semaphore_extend"),
	Release:  load("semaphore_release_prelude", "time_prelude", "semaphore_prelude", "ticket_prelude", "queue_prelude", "grant_prelude", "notify_prelude", "semaphore_grant_prelude", "semaphore_release"),
	Withdraw: load("time_prelude", "semaphore_prelude", "ticket_prelude", "queue_prelude", "grant_prelude", "notify_prelude", "semaphore_grant_prelude", "semaphore_withdraw"),
	Check:    load("time_prelude", "semaphore_prelude", "semaphore_check"),
	Held:     load("time_prelude", "semaphore_prelude", "semaphore_held"),
	Inspect:  load("inspect_prelude", "inspect_semaphore"),
}
