package scripts

// Fencing: variants of scripts for locks that number their leases, each with a block of
// numbers, for those that the lease passes on to without a script. Each runs the
// script that it is named after, unchanged, and then sees to the counter, in one
// step: see fence_prelude.lua. So locks without fencing pay nothing for it.
var (
	// MutexAcquireFenced is MutexAcquire, and its yes is the largest of the lease's
	// numbers.
	MutexAcquireFenced = loadFenced("mutex_acquire_fenced", files{"mutex_acquire_prelude", "mutex_acquire"}, "line_prelude")
	// MutexPassFenced is MutexPass, and where nobody stands in line the reply is the
	// largest of the lease's new numbers.
	MutexPassFenced = loadFenced("mutex_pass_fenced", files{"mutex_pass"}, "line_prelude")
	// MutexRepairFenced is MutexAcquire, and raises the counter to the largest number
	// that the lease has.
	MutexRepairFenced = loadFenced("mutex_repair_fenced", files{"mutex_acquire_prelude", "mutex_acquire"}, "line_prelude")
	// MutexExtendFenced is MutexExtend, and does the same.
	MutexExtendFenced = loadFenced("mutex_extend_fenced", files{"mutex_extend"})
	// MutexExtendOrSetFenced is MutexExtendOrSet, and does the same.
	MutexExtendOrSetFenced = loadFenced("mutex_extend_or_set_fenced", files{"mutex_extend_or_set"})
	// MutexFence is MutexCheck, and does the same where the token holds the key.
	MutexFence = loadFenced("mutex_fence", files{"mutex_check"})

	// RWMutexWriteAcquireFenced is RWMutexWriteAcquire, and its yes is the largest of
	// the lease's numbers.
	RWMutexWriteAcquireFenced = loadFenced("rwmutex_write_acquire_fenced", files{"rwmutex_write_acquire"}, "rwmutex_prelude")
	// RWMutexWritePassFenced is RWMutexWritePass, and where nobody stands in line the
	// reply is the largest of the lease's new numbers.
	RWMutexWritePassFenced = loadFenced("rwmutex_write_pass_fenced", files{"rwmutex_write_pass"}, "rwmutex_prelude")
	// RWMutexWriteRepairFenced is RWMutexWriteAcquire, and raises the counter to the
	// largest number that the lease has.
	RWMutexWriteRepairFenced = loadFenced("rwmutex_write_repair_fenced", files{"rwmutex_write_acquire"}, "rwmutex_prelude")
	// RWMutexWriteExtendFenced is RWMutexWriteExtend, and does the same.
	RWMutexWriteExtendFenced = loadFenced("rwmutex_write_extend_fenced", files{"rwmutex_write_extend"}, "rwmutex_prelude")
	// RWMutexWriteFence is RWMutexWriteCheck, and does the same where the token is
	// the writer.
	RWMutexWriteFence = loadFenced("rwmutex_write_fence", files{"rwmutex_write_check"}, "rwmutex_prelude")
)

type files []string

// loadFenced reads a script that runs another one, body, as a function of its own
// called unfenced.
func loadFenced(name string, body files, preludes ...string) *Script {
	return made(name, read("lifetime_prelude")+read(preludes...)+read("fence_prelude")+
		"local function unfenced()\n"+read(body...)+"end\n"+read(name))
}
