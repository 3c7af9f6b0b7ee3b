// Package fakenode is one Redis node in memory, for tests: it gives the replies that the
// scripts give on a server, without running them. Its leases, tickets and counters end by
// the clock of the program. In a bubble of testing/synctest that is fake time, and a test of
// hours takes none.
//
// A [Node] is a [driver.Pool]. What a script means stands in one file per kind of lock:
// mutex.go, rwcall.go and slots.go; fence.go numbers leases, and grant.go has releases grant
// what they free. All work on a [State], which is what the node has. The node knows nothing
// of the engine.
//
// # Faults
//
// A node delays, fails, loses or hangs calls. Faults are functions of the call, so that a
// test says which call meets which fault. Whether a fault was met is for the test to check.
//
// # Broken on purpose
//
// A node can also be wrong: it counts permits, lets a writer in beside readers, or does not
// write a number back. The fields that do so name what is wrong. They are for tests of
// tests, which must fail on such a node.
//
// # What proves it
//
// The differential tests send the same random commands to a fake node and to a server.
// Replies, messages and counters must be the same, and every reply of every script must have
// come. The same tests fail on a node that is broken on purpose:
//
//	go test ./internal/redlock/fakenode
//
// A script that changes is changed here, too, or these tests fail. HOLDFAST_SEED names one
// seed to run instead of all.
package fakenode
