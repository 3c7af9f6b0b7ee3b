// Cache shows an entry of a cache that one process fills while the others wait for it, or
// serve the old value. It needs nothing but Go:
//
//	go run ./examples/cache
//
// Several processes ask for the same entry. While there is none they wait for the mutex,
// look again, and find what the first has filled in. When the entry is stale, one takes
// the mutex by TryLock and fills it anew; the others serve the old value meanwhile. On
// three nodes those that come at once may have one node each. Then all of them serve the
// old value, and one of the next fills it. The slow source is a small HTTP server in this program, which counts the questions.
//
// The entry lives on the first of three small Redis servers embedded in this program, and
// the mutex on all. To use your own:
//
//	go run ./examples/cache -redis host:6379,host2:6379,host3:6379
//
// The exit status is 0 when the source was asked once per fill under the mutex, 1 when it
// was asked more often or something failed, and 2 when the arguments were wrong.
package main

import (
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// limit is how long the whole demonstration may take. It normally needs a few seconds.
const limit = 2 * time.Minute

// program starts itself again for each process that does a job.
var program = stage.Program[job, *demo]{Name: "cache", Limit: limit, New: newDemo}

func main() { program.Main() }
