package scripts

// RWMutexScripts are the scripts of the read-write lock, which has five keys:
// rwmutex_prelude.lua explains them. Every script but those of withoutQueue gets all of
// them.
type RWMutexScripts struct {
	// WriteAcquire takes the write lock for a token, in place of tokens that its caller
	// has given up, or else a ticket.
	WriteAcquire *Script
	// WriteExtend renews the lifetime of the token that is the writer. It never writes a
	// missing key.
	WriteExtend *Script
	// WritePass is WriteExtend, and reports whether others wait.
	WritePass *Script
	// WriteRelease deletes the writer if it is the token, and grants or notifies the next
	// waiters.
	WriteRelease *Script
	// WriteCheck reports who is the writer. It writes nothing.
	WriteCheck *Script
	// WriteWithdraw gives a waiting writer's ticket back.
	WriteWithdraw *Script

	// ReadAcquire gives a token a read lease where no writer is or waits, in place of
	// tokens that its caller has given up.
	ReadAcquire *Script
	// ReadRepair gives a reader's token its lease back on a node that has forgotten it,
	// also where a writer waits.
	ReadRepair *Script
	// ReadExtend renews a token's lease, or turns its write lease into one, and reports
	// whether a writer waits. It never gives a lease to a token that has nothing.
	ReadExtend *Script
	// ReadRelease ends a token's lease, or what it still has as a writer.
	ReadRelease *Script
	// ReadWithdraw gives a waiting reader's ticket back.
	ReadWithdraw *Script
	// ReadCheck reports whether a token may read. It writes nothing.
	ReadCheck *Script
	// Inspect shows holders, waiters and fencing counter, in bounded number. It writes
	// nothing.
	Inspect *Script

	// Downgrade turns a token's write lease into a read lease in one step.
	Downgrade *Script

	// WriteAcquireFenced is WriteAcquire, and grants with the largest of the lease's
	// numbers.
	WriteAcquireFenced *Script
	// WritePassFenced is WritePass, and where no client waits the reply is the largest
	// of the lease's new numbers.
	WritePassFenced *Script
	// WriteRepairFenced is WriteAcquire, WriteExtendFenced WriteExtend. They raise the
	// counter to the largest number that the lease has.
	WriteRepairFenced, WriteExtendFenced *Script
	// WriteFence is WriteCheck, and does the same where the token is the writer.
	WriteFence *Script
}

// RWMutex returns the scripts of the read-write lock.
func RWMutex() RWMutexScripts { return rwmutex }

var rwmutex = RWMutexScripts{
	WriteAcquire:  load("time_prelude", "rwmutex_write_acquire_prelude", "ticket_prelude", "rwmutex_prelude", "rwmutex_write_acquire"),
	WriteExtend:   loadRWMutex("rwmutex_write_extend"),
	WritePass:     loadRWMutex("rwmutex_write_pass"),
	WriteRelease:  load("time_prelude", "rwmutex_write_release_prelude", "ticket_prelude", "rwmutex_prelude", "grant_prelude", "rwmutex_write_release"),
	WriteCheck:    loadRWMutex("rwmutex_write_check"),
	WriteWithdraw: load("time_prelude", "ticket_prelude", "rwmutex_prelude", "grant_prelude", "rwmutex_write_withdraw"),

	ReadAcquire:  load("time_prelude", "rwmutex_read_acquire_prelude", "ticket_prelude", "rwmutex_prelude", "grant_prelude", "rwmutex_read_acquire"),
	ReadRepair:   loadRWMutex("rwmutex_read_repair"),
	ReadExtend:   loadRWMutex("rwmutex_read_extend"),
	ReadRelease:  load("time_prelude", "rwmutex_read_release_prelude", "ticket_prelude", "rwmutex_prelude", "grant_prelude", "rwmutex_read_release"),
	ReadWithdraw: load("time_prelude", "ticket_prelude", "rwmutex_prelude", "grant_prelude", "rwmutex_read_withdraw"),
	ReadCheck:    loadRWMutex("rwmutex_read_check"),
	Inspect:      load("inspect_prelude", "inspect_rwmutex"),

	Downgrade: load("time_prelude", "ticket_prelude", "rwmutex_prelude", "grant_prelude", "rwmutex_downgrade"),

	WriteAcquireFenced: numbered("rwmutex_write_acquire_fenced", "fence_issue", "rwmutex_write_acquire_prelude", "ticket_prelude", "rwmutex_prelude", "rwmutex_write_acquire"),
	WritePassFenced:    numbered("rwmutex_write_pass_fenced", "fence_issue", "ticket_prelude", "rwmutex_prelude", "rwmutex_write_pass"),
	WriteRepairFenced:  numbered("rwmutex_write_repair_fenced", "fence_raise", "rwmutex_write_acquire_prelude", "ticket_prelude", "rwmutex_prelude", "rwmutex_write_acquire"),
	WriteExtendFenced:  numbered("rwmutex_write_extend_fenced", "fence_raise", "ticket_prelude", "rwmutex_prelude", "rwmutex_write_extend"),
	WriteFence:         numbered("rwmutex_write_fence", "fence_raise", "ticket_prelude", "rwmutex_prelude", "rwmutex_write_check"),
}

func loadRWMutex(name string) *Script {
	return load("time_prelude", "ticket_prelude", "rwmutex_prelude", name)
}
