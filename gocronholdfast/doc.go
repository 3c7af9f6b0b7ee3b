// Package gocronholdfast runs the jobs of gocron v2 in one process of several. It has
// both of gocron's ways: a [Locker] excludes the processes from each run of a job, and
// an [Elector] lets one process, the leader, run all jobs.
//
// # Locker
//
// gocron calls Lock when a job is due, and Unlock when the job has ended. Lock acquires
// the mutex that has the job's name. Where it fails, gocron skips the run, counts it as
// skipped, and gives the error to the listener AfterLockError.
//
//   - Lock makes one try and does not wait: a replica that waits runs the job once more
//     when the first has ended. [mutex.WithTries] sets another number.
//   - The lease is renewed until Unlock, so that a short expiry serves for long jobs. A
//     killed process excludes the others for one expiry at most.
//   - Unlock releases the lease with a context of its own. gocron's is that of the job,
//     which has ended when a scheduler shuts down or the job is removed.
//   - A lease that is lost stays lost. gocron cannot stop the job; [Locker.Context] gives
//     the job a context that ends then. gocron drops the error of Unlock.
//
// The name is gocron.WithName's. Without it gocron takes that of the Go function, which
// differs between builds for a function literal, and is one for all uses of a function.
// Jobs of one name exclude each other. The key on the nodes is the name as it is, so
// that processes with a locker over Redsync and ones with this Locker exclude each other.
//
// # Splay
//
// Schedulers are not synchronised: one process is due at a tick some time after another
// one. A job that is shorter than this difference would run in both, one after the other.
// gocron leaves that to the locker. So a Locker has a splay: no other process gets the lock
// for the splay after it was granted, also if the job ends earlier.
//
//	released = max(end of the job, granted + splay)
//
// Choose a splay above the largest difference of the processes' clocks and timers, and
// below the interval of the job by as much. A larger one makes a late run cost the next
// one. A splay of 0 releases the lease with the job's end, as lockers over Redsync do.
//
// Every process should start a job at the same times: cron expressions do, and a
// duration needs gocron.WithStartAt with a time that is rounded to it.
//
// # Elector
//
// An Elector campaigns from [NewElector] to [Elector.Close]: it waits for the mutex of
// its name, leads while it has a renewed lease, and campaigns again when that is lost.
//
//		waiting → leading → lost → waiting
//		any of them → closed
//
//	  - At most one of the electors of a name leads, as at most one lease of a mutex is valid.
//	  - IsLeader looks at the lease and sends nothing. It is nil until the lease ends by both
//	    clocks of the process, or a majority of the nodes has denied it.
//	  - A leader that is killed is replaced when its lease ends: after one expiry at most.
//	    Close releases the lease, and a waiting elector is notified.
//	  - A job that has begun goes on when the leader has lost its lease, and the next leader
//	    may run it too. [Elector.Context] gives the job a context that ends then.
//
// The first IsLeader waits for the answer to the first try, so that a leader does not
// miss its first tick. That is bounded as each call to a node is: see [mutex.WithTimeoutFactor].
//
// gocron asks no Locker where a scheduler has an Elector. It drops IsLeader's errors.
//
// # Order of the end
//
// Shut the scheduler down first, then Close the Elector or the Locker, then the clients.
// In another order a job of this process may run beside one of the next leader.
//
// # Pauses
//
// A paused process learns of its loss too late, whatever it uses. With
// [mutex.WithFencing] each lease has a number for the resource to compare:
// [Locker.Fence] and [Elector.Fence].
package gocronholdfast
