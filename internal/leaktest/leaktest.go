// Package leaktest fails a package's tests when they leave a goroutine behind. Only
// tests import it. Those of the locks also wait, by it, for what the engine does in the background.
package leaktest

import (
	"fmt"
	"os"
	"time"

	"go.uber.org/goleak"
)

// patience is how long goroutines may take to end once all tests have. A call to a
// node that a test has stopped lasts as long as the expiry and the timeout factor
// make it; redigo dials for half a minute, also a node that is gone; and go-redis pauses
// between the dials of one connection, and looks only once a second whether its client was
// closed. goleak alone waits half a second.
const patience = 40 * time.Second

// Main runs the tests, waits for what they have left behind, fails if it does not
// end, and exits. The options go to goleak.
func Main(m goleak.TestingM, opts ...goleak.Option) { os.Exit(run(m, patience, opts...)) }

// run runs the tests, and returns their exit code once nothing is left of them, or 1 if something
// is after patience. That it was gone once is enough: what a timer begins after that, as a
// release that is sent again does with a client that a test has closed, ends as well.
func run(m goleak.TestingM, patience time.Duration, opts ...goleak.Option) int {
	if code := m.Run(); code != 0 {
		return code
	}
	for end := time.Now().Add(patience); ; {
		left := goleak.Find(opts...)
		switch {
		case left == nil:
			return 0
		case time.Now().After(end):
			fmt.Fprintln(os.Stderr, "leaktest: left by the tests:", left)
			return 1
		}
	}
}
