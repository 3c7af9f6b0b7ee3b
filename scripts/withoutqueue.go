package scripts

// withoutQueue is how a script runs without the keys of the waiters' queue.
type withoutQueue struct {
	script *Script
	// from and to are the part of KEYS that it gets.
	from, to int
	// args is how many of ARGV it gets; all, if it is 0.
	args int
	// ticket is the index of the ticket's id in ARGV, which it gets as ""; 0 for none.
	ticket int
}

// WithoutQueue returns the script, keys and arguments that do the same as s with keys and
// args, but for the keys of the waiters' queue. A server may refuse a script for these
// although the lock itself does not need them. A Cluster does while it moves the name's slot
// (TRYAGAIN), and where a key prefix without a hash tag gives them another slot (CROSSSLOT).
// A waiter then has no ticket, and polls. A release notifies no waiter.
//
// The reply is that of s, or nil where it depends on the other keys. It is not ok where
// the lock itself is in several keys: a lease's fencing number, and a writer beside readers.
func (s *Script) WithoutQueue(keys, args []any) (script *Script, ownKeys, ownArgs []any, ok bool) {
	w, ok := unqueued[s]
	if !ok {
		return nil, nil, nil, false
	}
	args = append([]any(nil), args...)
	if w.args > 0 {
		args = args[:w.args]
	}
	if w.ticket > 0 && w.ticket < len(args) {
		args[w.ticket] = ""
	}
	return w.script, keys[w.from:w.to], args, true
}

var unqueued = map[*Script]withoutQueue{
	mutex.Acquire:  {script: mutex.Acquire, to: 1, ticket: 2},
	mutex.Release:  {script: mutex.Release, to: 1, ticket: 1},
	mutex.Withdraw: {script: mutex.Withdraw, to: 1},
	mutex.Check:    {script: mutex.Check, to: 1},
	mutex.Pass:     {script: mutex.Extend, to: 1, args: 2}, // waiters are not seen

	// A lease keeps its number, but its counter lives no longer for that.
	mutex.AcquireFenced:     {script: mutex.AcquireFenced, to: 2, ticket: 2},
	mutex.PassFenced:        {script: mutex.PassFenced, to: 2},
	mutex.RepairFenced:      {script: mutex.RepairFenced, to: 2, ticket: 2},
	mutex.ExtendFenced:      {script: mutex.Extend, to: 1, args: 2},
	mutex.ExtendOrSetFenced: {script: mutex.Extend, to: 1, args: 2},

	// A write lease is a mutex's; a writer that is not there may have become a reader.
	rwmutex.WriteExtend:       {script: mutex.Extend, to: 1, args: 2},
	rwmutex.WriteExtendFenced: {script: mutex.Extend, to: 1, args: 2},
	rwmutex.WritePass:         {script: mutex.Extend, to: 1, args: 2},
	rwmutex.WriteRelease:      {script: mutex.Release, to: 1, ticket: 1},
	rwmutex.WriteCheck:        {script: mutex.Check, to: 1},

	rwmutex.ReadExtend:  {script: readExtendAlone, from: 1, to: 2},
	rwmutex.ReadRelease: {script: readReleaseAlone, from: 1, to: 2},
	rwmutex.ReadCheck:   {script: readCheckAlone, from: 1, to: 2},

	semaphore.Acquire: {script: semaphore.Acquire, to: 1, ticket: 6},
	semaphore.Release: {script: semaphore.Release, to: 1, ticket: 1},
}

// These know the readers' key only.
var (
	readExtendAlone  = load("time_prelude", "rwmutex_alone_prelude", "rwmutex_read_extend_alone")
	readReleaseAlone = load("time_prelude", "rwmutex_alone_prelude", "rwmutex_read_release_alone")
	readCheckAlone   = load("time_prelude", "rwmutex_alone_prelude", "rwmutex_read_check_alone")
)
