// Leader shows a job that must run in one replica of a service at a time, and goes
// on in another one when that dies. It needs nothing but Go:
//
//	go run ./examples/leader
//
// Several processes call Do on the same mutex. One of them gets it and leads: its
// lease is renewed for as long as it works. The example kills it, twice. It cannot
// give the mutex back, so the others wait for its lease to expire; then one of them
// leads. At the end the last leader gives the job up in good order, which takes no
// expiry: the next one is notified.
//
// The mutex lives on three small Redis servers embedded in this program. To use your
// own:
//
//	go run ./examples/leader -redis host:6379,host2:6379,host3:6379
//
// The exit status is 0 when no two processes led at the same time, 1 when two did or
// something failed, and 2 when the arguments were wrong.
package main

import (
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// limit is how long the whole demonstration may take. It normally needs a few
// seconds; a machine that cannot do it in this time gets an error, not a hang.
const limit = 2 * time.Minute

// program starts itself again for each process that does a job.
var program = stage.Program[job, *demo]{Name: "leader", Limit: limit, New: newDemo}

func main() { program.Main() }
