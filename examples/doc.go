// Package examples has no code of its own. The programs in the folders below it
// run on a machine that has only Go, and each says what it shows:
//
//   - quickstart: what a lock over Redis is for, with several processes
//   - mutex-goredis: the mutex with a go-redis client
//   - mutex-redigo: the mutex with a redigo pool
//   - workers: a semaphore that keeps many processes from calling a fragile
//     service too often at once
//   - worker-id: a semaphore's slots as small ids, each of one living process
//   - catalog: a read-write lock that keeps many readers of a set of files from
//     finding it half rewritten
//   - fencing: a store that refuses the late write of a holder that was paused
//   - leader: a job that must run in one replica at a time, and goes on in another
//     when that is killed
//   - matchmaker: tickets whose state several processes update, each under the mutex of
//     its ticket, with few redigo connections
//   - cache: an entry that one process fills while the others wait or serve the old value
//   - migrate-from-redsync: old and new code, running against each other; a
//     module of its own, so that Redsync is no dependency of Holdfast
//
// Where an example runs several processes, internal/stage and internal/crew start
// and end them, so that the example itself has only its locks and its story.
//
// The tests here run the programs and check that every Go snippet of the README
// and of docs is part of one.
package examples
