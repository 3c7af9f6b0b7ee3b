// Package measure runs contestants side by side and says what a call costs each
// of them: wall time, this process's CPU time, and allocations.
//
// The machine is taken to be noisy, so no figure means anything by itself. A
// race gives every contestant short blocks in turn, in an order drawn anew each
// round so that nobody always follows the same neighbour, compares the blocks of
// one round with one another, and takes the median over the rounds: a disturbance
// hits a few blocks of everybody, not one contestant. Only one contestant runs at a time and the servers are other
// processes, so what the process used during a block is what the contestant
// used.
package measure
