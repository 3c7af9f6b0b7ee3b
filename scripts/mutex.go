package scripts

// MutexScripts are the scripts of the mutex: one string key, the lock's name, whose value
// is the holder's token. Key and value are those of Redsync, so both exclude each other.
// Waiters stand in a queue, which ticket_prelude.lua explains.
type MutexScripts struct {
	// Acquire takes the key for a token, in place of tokens that its caller has given
	// up, or else a ticket.
	Acquire *Script
	// Extend renews the key's lifetime for the token that holds it. It never writes a
	// missing key.
	Extend *Script
	// ExtendOrSet is Extend, but sets a missing key (WithSetNXOnExtend, Redsync's looser
	// rule).
	ExtendOrSet *Script
	// Pass is Extend, and reports whether others wait.
	Pass *Script
	// Withdraw gives a ticket back.
	Withdraw *Script
	// Release deletes the key if the token holds it, and grants the lock to the first
	// waiter, or notifies it.
	Release *Script
	// Check reports who holds the key. It writes nothing.
	Check *Script
	// Inspect shows holder, waiters and fencing counter, in bounded number. It writes
	// nothing.
	Inspect *Script

	// AcquireFenced is Acquire, and grants with the largest of the lease's numbers.
	AcquireFenced *Script
	// PassFenced is Pass, and where no client waits the reply is the largest of the
	// lease's new numbers.
	PassFenced *Script
	// RepairFenced is Acquire, ExtendFenced Extend, ExtendOrSetFenced ExtendOrSet. They
	// raise the counter to the largest number that the lease has.
	RepairFenced, ExtendFenced, ExtendOrSetFenced *Script
	// Fence is Check, and does the same where the token holds the key.
	Fence *Script
}

// Mutex returns the scripts of the mutex.
func Mutex() MutexScripts { return mutex }

var mutex = MutexScripts{
	Acquire:     load("mutex_acquire_prelude", "time_prelude", "ticket_prelude", "mutex_prelude", "queue_prelude", "mutex_acquire"),
	Extend:      load("time_prelude", "mutex_extend"),
	ExtendOrSet: load("time_prelude", "mutex_extend_or_set"),
	Pass:        load("time_prelude", "ticket_prelude", "mutex_prelude", "queue_prelude", "mutex_pass"),
	Withdraw:    load("time_prelude", "ticket_prelude", "mutex_prelude", "queue_prelude", "grant_prelude", "notify_prelude", "mutex_grant_prelude", "mutex_withdraw"),
	Release:     load("mutex_release_prelude", "time_prelude", "ticket_prelude", "mutex_prelude", "queue_prelude", "grant_prelude", "notify_prelude", "mutex_grant_prelude", "mutex_release"),
	Check:       load("mutex_check"),
	Inspect:     load("inspect_prelude", "inspect_mutex"),

	AcquireFenced: newScript("mutex_acquire_fenced", read("mutex_acquire_fenced_prelude")+
		numberedSource("fence_issue", "mutex_acquire_prelude", "ticket_prelude", "mutex_prelude", "queue_prelude", "mutex_acquire")),
	PassFenced:        numbered("mutex_pass_fenced", "fence_issue", "ticket_prelude", "mutex_prelude", "queue_prelude", "mutex_pass"),
	RepairFenced:      numbered("mutex_repair_fenced", "fence_raise", "mutex_acquire_prelude", "ticket_prelude", "mutex_prelude", "queue_prelude", "mutex_acquire"),
	ExtendFenced:      numbered("mutex_extend_fenced", "fence_raise", "mutex_extend"),
	ExtendOrSetFenced: numbered("mutex_extend_or_set_fenced", "fence_raise", "mutex_extend_or_set"),
	Fence:             numbered("mutex_fence", "fence_raise", "mutex_check"),
}
