package scripts

// The read-write lock: for each lock six keys, which rwmutex_prelude.lua
// explains. Every script that gets all of them begins with that file.
var (
	// RWMutexWriteAcquire takes the write lock for a token, in place of tokens
	// that its caller has given up, or else a place in line.
	RWMutexWriteAcquire = load("lifetime_prelude", "rwmutex_prelude", "rwmutex_write_acquire")
	// RWMutexWriteExtend renews the lifetime of the token that is the writer. It
	// never writes a missing key.
	RWMutexWriteExtend = load("lifetime_prelude", "rwmutex_prelude", "rwmutex_write_extend")
	// RWMutexWritePass is RWMutexWriteExtend, and tells whether others stand in line.
	RWMutexWritePass = load("lifetime_prelude", "rwmutex_prelude", "rwmutex_write_pass")
	// RWMutexWriteRelease deletes the writer if it is the token, and wakes those
	// whose turn it is.
	RWMutexWriteRelease = load("lifetime_prelude", "rwmutex_prelude", "rwmutex_write_release")
	// RWMutexWriteCheck tells who is the writer. It writes nothing.
	RWMutexWriteCheck = load("lifetime_prelude", "rwmutex_prelude", "rwmutex_write_check")
	// RWMutexWriteWithdraw gives a waiting writer's place in line back.
	RWMutexWriteWithdraw = load("lifetime_prelude", "rwmutex_prelude", "rwmutex_write_withdraw")

	// RWMutexReadAcquire gives a token a read lease where no writer is or waits,
	// in place of tokens that its caller has given up.
	RWMutexReadAcquire = load("lifetime_prelude", "rwmutex_prelude", "rwmutex_read_acquire")
	// RWMutexReadRepair gives a reader's token its lease back on a node that has
	// forgotten it. A writer that waits does not keep it out.
	RWMutexReadRepair = load("lifetime_prelude", "rwmutex_prelude", "rwmutex_read_repair")
	// RWMutexReadExtend renews a token's lease, or turns its write hold into one,
	// and tells whether a writer waits. It never gives a lease to a token that has
	// nothing.
	RWMutexReadExtend = load("lifetime_prelude", "rwmutex_prelude", "rwmutex_read_extend")
	// RWMutexReadRelease ends a token's lease, or what it still has as a writer.
	RWMutexReadRelease = load("lifetime_prelude", "rwmutex_prelude", "rwmutex_read_release")
	// RWMutexReadWithdraw gives a waiting reader's place in line back.
	RWMutexReadWithdraw = load("lifetime_prelude", "rwmutex_prelude", "rwmutex_read_withdraw")
	// RWMutexReadCheck tells whether a token may read. It writes nothing.
	RWMutexReadCheck = load("lifetime_prelude", "rwmutex_prelude", "rwmutex_read_check")

	// RWMutexReadExtendAlone, RWMutexReadReleaseAlone and RWMutexReadCheckAlone get the
	// readers' key only: see Alone.
	RWMutexReadExtendAlone  = load("lifetime_prelude", "rwmutex_alone_prelude", "rwmutex_read_extend_alone")
	RWMutexReadReleaseAlone = load("rwmutex_alone_prelude", "rwmutex_read_release_alone")
	RWMutexReadCheckAlone   = load("rwmutex_alone_prelude", "rwmutex_read_check_alone")

	// RWMutexDowngrade turns a token's write hold into a read lease in one step.
	RWMutexDowngrade = load("lifetime_prelude", "rwmutex_prelude", "rwmutex_downgrade")
)
