// Package holdfast has what all locks share in public: their errors, and [Hooks], by
// which a program sees what happens to them.
//
// Holdfast is a library of locks that many processes share through Redis. A lock
// is a lease, kept on one Redis or on a majority of several independent ones.
//
//   - Package mutex is the exclusive lock.
//   - Package rwmutex is the read-write lock: many readers or one writer.
//   - Package semaphore admits a limited number of holders at a time.
//   - Package driver/goredis or driver/redigo connects it to the Redis client
//     that the application uses.
//
// The README shows the first steps. The pages in docs have a guide for each primitive,
// the options and what differs from Redsync. They say what safety rests on, and what an
// operator has to allow.
package holdfast
