package scripts

// Alone is how a script does what it can without some of its keys. A server refuses a
// script for keys that the lock itself does not need, as they are only there while
// a client waits: in a Cluster while the name's slot is being moved (TRYAGAIN), and
// where a key prefix without a hash tag gives them another slot (CROSSSLOT).
//
// A waiter then has no place in line, and polls. What is released wakes nobody.
type Alone struct {
	// Script runs in the other one's place. It answers as that does; or nil, if it would
	// have to see the other keys to know.
	Script *Script
	// From and To are the part of KEYS that it gets.
	From, To int
	// Args is how many of ARGV it gets; all, if it is 0.
	Args int
	// Place is the index of the place's id in ARGV, which it gets as ""; 0 for none.
	Place int
}

// Alone returns how s runs without the keys of the line, if it can. That it cannot, or
// gets several keys even so, is the lock's nature: the number of a hold, a writer beside
// readers, and the slots of a permit are each in more than one key.
func (s *Script) Alone() (Alone, bool) {
	a, ok := alone[s]
	return a, ok
}

var alone = map[*Script]Alone{
	MutexAcquire:  {Script: MutexAcquire, To: 1, Place: 2},
	MutexRelease:  {Script: MutexRelease, To: 1, Place: 1},
	MutexWithdraw: {Script: MutexWithdraw, To: 1},
	MutexCheck:    {Script: MutexCheck, To: 1},
	MutexPass:     {Script: MutexExtend, To: 1, Args: 2}, // those in line are not seen

	// A hold keeps its number, but its counter lives no longer for that.
	MutexAcquireFenced:     {Script: MutexAcquireFenced, To: 2, Place: 2},
	MutexPassFenced:        {Script: MutexPassFenced, To: 2},
	MutexRepairFenced:      {Script: MutexRepairFenced, To: 2, Place: 2},
	MutexExtendFenced:      {Script: MutexExtend, To: 1, Args: 2},
	MutexExtendOrSetFenced: {Script: MutexExtend, To: 1, Args: 2},

	// A write hold is a mutex's; a writer that is not there may have become a reader.
	RWMutexWriteExtend:       {Script: MutexExtend, To: 1, Args: 2},
	RWMutexWriteExtendFenced: {Script: MutexExtend, To: 1, Args: 2},
	RWMutexWritePass:         {Script: MutexExtend, To: 1, Args: 2},
	RWMutexWriteRelease:      {Script: MutexRelease, To: 1, Place: 1},
	RWMutexWriteCheck:        {Script: MutexCheck, To: 1},

	RWMutexReadExtend:  {Script: RWMutexReadExtendAlone, From: 1, To: 2},
	RWMutexReadRelease: {Script: RWMutexReadReleaseAlone, From: 1, To: 2},
	RWMutexReadCheck:   {Script: RWMutexReadCheckAlone, From: 1, To: 2},

	SemaphoreAcquire: {Script: SemaphoreAcquire, To: 2, Place: 6},
	SemaphoreRelease: {Script: SemaphoreRelease, To: 2, Place: 1},
}
