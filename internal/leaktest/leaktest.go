// Package leaktest fails a package's tests when they leave a goroutine behind. Only
// tests import it. Those of the locks also wait, by it, for what the engine does in the background.
package leaktest

import (
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
func Main(m goleak.TestingM, opts ...goleak.Option) {
	goleak.VerifyTestMain(run{m, opts}, opts...)
}

type run struct {
	m    goleak.TestingM
	opts []goleak.Option
}

// Run runs the tests, and returns their exit code once nothing is left of them, or
// patience has ended.
func (r run) Run() int {
	code := r.m.Run()
	for end := time.Now().Add(patience); code == 0 && time.Now().Before(end); {
		if goleak.Find(r.opts...) == nil {
			break
		}
	}
	return code
}
