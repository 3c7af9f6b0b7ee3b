// Package histories has clients on real Redis nodes behind faults, writes down what
// they call and what they get, and has porcupine look for an order that a lock with
// leases could have answered so. It has tests only.
//
// A section is two operations. It begins between the call and the return of an acquire.
// It ends between the call of its release, or the end of its validity if that is
// earlier, and the return of the release. So a history in which another client got the
// lock before that has no order. A failed acquire proves nothing, and is left out.
//
// Some objects have one goroutine, others two to eight, which pass leases in memory. Each
// goroutine is a client of its own. What a holder relies on is its own, whether it asked the
// nodes or was passed a lease:
//
//   - It begins before the Until that it was given. A lease that passes too late has its
//     last holder up to that moment, and no order then has room for the next one.
//   - It holds until Until, and for as long as Lost stays open.
//   - A Downgrade is an operation too: the writer becomes a reader, with no writer between.
//   - With fencing, a writer's number is above that of every earlier section.
//
// These run it:
//
//	go test ./internal/histories                                     a few seconds each on 1, 3 and 5 nodes
//	go test ./internal/histories -run TestSoak -v -soak.minutes=30   at random for as long as you like
//
// HOLDFAST_TEST_BACKEND chooses what runs the nodes: see package redistest.
package histories
