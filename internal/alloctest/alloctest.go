// Package alloctest counts what a function allocates while a process does other things too.
package alloctest

import "testing"

// rounds is in how many runs one must be undisturbed.
const rounds = 10

// Least is how many allocations a call of f makes on average, in the run that had the
// fewest of several. A count is of the whole process, so that whatever it does beside
// the calls of f counts too: the end of an earlier test, for one.
func Least(calls int, f func()) float64 {
	least := testing.AllocsPerRun(calls, f)
	for range rounds - 1 {
		least = min(least, testing.AllocsPerRun(calls, f))
	}
	return least
}
