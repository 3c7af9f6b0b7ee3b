// Worker-id shows how processes get small numbers of their own, as ids of
// workers, from a semaphore. It needs nothing but Go:
//
//	go run ./examples/worker-id
//
// Each process takes a permit, uses the number of its slot as its id, and extends
// the permit for as long as it lives. There are as many ids as the semaphore's
// limit. One process is killed, and its id goes to one that waits, once the
// permit of the dead one has expired.
//
// The semaphore lives on three small Redis servers embedded in this program. To
// use your own:
//
//	go run ./examples/worker-id -redis host:6379,host2:6379,host3:6379
//
// The exit status is 0 when no two living processes had the same id, 1 when they
// had or something failed, and 2 when the arguments were wrong.
package main

import (
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// limit is how long the whole demonstration may take. It normally needs a few
// seconds; a machine that cannot do it in this time gets an error, not a hang.
const limit = 2 * time.Minute

// program starts itself again for each process that does a job.
var program = stage.Program[job, *demo]{Name: "worker-id", Limit: limit, New: newDemo}

func main() { program.Main() }
