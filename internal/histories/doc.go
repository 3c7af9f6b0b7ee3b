// Package histories has clients on real Redis nodes behind faults, writes down what
// they call and what they get, and has porcupine look for an order that a lock with
// leases could have answered so. It has tests only.
//
// A hold is two operations. It begins between the call and the return of an acquire.
// It ends between the call of its release, or the end of its validity if that is
// earlier, and the return of the release. So a history in which somebody else got
// the lock before that has no order. A failed acquire says nothing, and is left out.
//
//	go test ./internal/histories                                     a few seconds each on 1, 3 and 5 nodes
//	go test ./internal/histories -run TestSoak -v -soak.minutes=30   at random for as long as you like
//
// HOLDFAST_TEST_BACKEND chooses what runs the nodes: see package redistest.
package histories
