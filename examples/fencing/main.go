// Fencing shows what a fencing token is for: a holder of a lock is paused for
// longer than its lease, and goes on as if nothing had been. It needs nothing but Go:
//
//	go run ./examples/fencing
//
// Two processes take money from one account, under a lock: each reads the balance,
// and writes what is left. The first one is paused between the two, after it has
// checked that it still has the lock. Its lease ends, the second one gets the lock
// and takes its money, and then the first one wakes up and writes. No lock can
// prevent that; the account can. They do it twice: first the account takes every
// write, and the second one's money is back as if it had never been taken. Then it
// refuses a write with a smaller fencing token than it has seen, and the first one
// begins again.
//
// The lock lives on three small Redis servers embedded in this program. To use
// your own:
//
//	go run ./examples/fencing -redis host:6379,host2:6379,host3:6379
//
// The exit status is 0 when the balance was right with fencing tokens, 1 when it was
// not or something failed, and 2 when the arguments were wrong.
package main

import (
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// limit is how long the whole demonstration may take. It normally needs a few
// seconds; a machine that cannot do it in this time gets an error, not a hang.
const limit = 2 * time.Minute

// program starts itself again for each process that does a job.
var program = stage.Program[job, *demo]{Name: "fencing", Limit: limit, New: newDemo}

func main() { program.Main() }
