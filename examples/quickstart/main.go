// Quickstart shows what a lock over Redis is for. It needs nothing but Go:
//
//	go run ./examples/quickstart
//
// Several processes add to one number in a file: each reads it, adds one and
// writes it back. They do it twice. Without a lock most additions are lost,
// because two processes read the same number. Under a Holdfast mutex none is,
// although one of the three Redis nodes that keep the lock is taken away in the
// middle.
//
// The nodes are small Redis servers embedded in this program. To use your own,
// which are then left alone:
//
//	go run ./examples/quickstart -redis host:6379,host2:6379,host3:6379
//
// The exit status is 0 when nothing was lost under the lock, 1 when an addition
// was lost or something failed, and 2 when the arguments were wrong.
package main

import (
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// limit is how long the whole demonstration may take. It normally needs a few
// seconds; a machine that cannot do it in this time gets an error, not a hang.
const limit = 2 * time.Minute

// program starts itself again for each process that does a job.
var program = stage.Program[job, *demo]{Name: "quickstart", Limit: limit, New: newDemo}

func main() { program.Main() }
