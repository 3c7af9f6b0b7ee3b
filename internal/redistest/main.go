package redistest

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/holdfast-go/holdfast/internal/leaktest"
)

// Main is the TestMain of every package that uses this one: it runs the tests,
// prints to standard error which backend they used, fails when they leave a
// goroutine behind, and exits. The options go to goleak.
func Main(m *testing.M, opts ...goleak.Option) {
	leaktest.Main(run{m}, opts...)
}

// run is a test run between the choice of the backend and its end.
type run struct{ m *testing.M }

// Run prints the backend and runs the tests. It returns the exit code.
func (r run) Run() int {
	chosen, err := choose()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintf(os.Stderr, "redistest: backend %s: %s\n", chosen.name(), chosen.describe())
	return r.m.Run()
}
