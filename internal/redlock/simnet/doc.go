// Package simnet is a bad network between processes and nodes, for tests on fake time. Its
// nodes are those of package fakenode. It knows nothing of the engine.
//
// A [Way] leads from one process to one node. It delays, loses, or repeats a call by draws
// from a seed of its own, so that ways do not change each other's draws. As a driver does, it
// returns at its caller's deadline, and what it has sent stays under way. [Driver] makes it
// a driver that sends batches, or one that has the engine make connections.
//
// A [Node] can stop, or be killed. A request to a node that has stopped waits there. One that
// is under way to a node that is killed is lost, and so are the node's connections.
//
// A fault is counted when a call meets it, and not when it is planned: see [Network.Meet].
// What keeps this package right are its own tests, and the engine's simulation, which fails
// if some fault was never met.
package simnet
