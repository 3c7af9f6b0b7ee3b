// Package model holds the checked model of the engine: the protocol of package
// redlock in Promela, and the tests that let spin search it. There is no code to
// import.
//
// mutex.pml is a lease's life on N nodes, with fence.pml for fencing tokens and pass.pml
// for leases that pass between the goroutines of a process; semaphore.pml and rw.pml
// are the other two protocols. grant.pml is a release that grants, on one node, and so are
// grantrw.pml and grantslots.pml, which share grantstate.pml and grantsteps.pml. nodes.pml
// has what they all assume, and symmetry.pml makes one state of those that differ by the
// names of nodes and clients. README.md explains what the models say, what they leave out,
// and what was searched.
package model
