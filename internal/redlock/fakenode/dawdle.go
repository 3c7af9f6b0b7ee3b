package fakenode

import (
	"flag"
	"math/rand/v2"
	"runtime"
)

var dawdles = flag.Bool("fake.dawdle", false, "have fake nodes let others go first, at random")

// dawdle lets the scheduler run others, in no time: what a test takes for granted about
// which goroutine comes first then fails soon, and not once in a thousand runs.
func dawdle() {
	if *dawdles {
		for range rand.IntN(2) * rand.IntN(40) {
			runtime.Gosched()
		}
	}
}
