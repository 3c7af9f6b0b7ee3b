package redistest

import (
	"flag"
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/holdfast-go/holdfast/internal/leaktest"
)

// Main is the TestMain of every package that uses this one: it runs the tests,
// prints to standard error which backend they used, fails when they leave a
// goroutine behind, and exits. The options go to goleak.
//
// Tests that run beside each other do so as they mostly wait, so there are more of them
// than processors, unless -parallel says otherwise.
func Main(m *testing.M, opts ...goleak.Option) {
	_ = flag.Set("test.parallel", "16")
	leaktest.Main(run{m.Run}, opts...)
}

// MainWithExamples is Main for a package with examples that a reader can copy. They find
// their server in the environment variable REDIS_ADDR, and three in REDIS_ADDRS, separated
// by commas, of which the last is down.
func MainWithExamples(m *testing.M, opts ...goleak.Option) {
	_ = flag.Set("test.parallel", "16")
	leaktest.Main(run{func() int {
		var e exampleNodes
		if err := e.start(); err != nil {
			fmt.Fprintln(os.Stderr, "redistest: no servers for the examples:", err)
			return 1
		}
		defer e.stop()
		return m.Run()
	}}, opts...)
}

// run is a test run between the choice of the backend and its end.
type run struct{ tests func() int }

// Run prints the backend, runs the tests and ends the backend, which may have a program
// that runs nodes. It returns the exit code.
func (r run) Run() int {
	chosen, err := choose()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintf(os.Stderr, "redistest: backend %s: %s\n", chosen.name(), chosen.describe())
	code := r.tests()
	if closer, ok := chosen.(io.Closer); ok {
		if err := closer.Close(); err != nil {
			fmt.Fprintf(os.Stderr, "redistest: the end of backend %s: %v\n", chosen.name(), err)
			return 1
		}
	}
	return code
}
