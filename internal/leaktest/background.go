package leaktest

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// engine is in the stack of every goroutine of the engine, and of those that call it.
const engine = "/internal/redlock"

// Background lists the stacks of the engine's goroutines, and of those that call it.
func Background() (stacks []string) {
	all := make([]byte, 1<<20)
	n := runtime.Stack(all, true)
	for n == len(all) {
		all = make([]byte, 2*len(all))
		n = runtime.Stack(all, true)
	}
	for stack := range strings.SplitSeq(string(all[:n]), "\n\n") {
		if strings.Contains(stack, engine) {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// Settle waits until nothing of the engine goes on. If that takes longer than patience, it
// ends the test, and reports what goes on.
func Settle(t testing.TB, patience time.Duration) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		left := Background()
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after %v there still are:\n\n%s", patience, strings.Join(left, "\n\n"))
		}
	}
}
