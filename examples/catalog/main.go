// Catalog shows how a read-write lock lets many processes read a thing at once,
// and keeps them out while one of them rewrites it. It needs nothing but Go:
//
//	go run ./examples/catalog
//
// The catalog is a set of files that belong together, each with the number of the
// version that it is a part of. Several processes read it, and now and then one
// rewrites it, file by file. Without a lock, readers find files of two versions:
// a torn read. With a Holdfast read-write lock none does. A writer verifies what
// it wrote as a reader, by Downgrade: others read along, and no process
// rewrites it in between.
//
// The lock lives on three small Redis servers embedded in this program. To use
// your own:
//
//	go run ./examples/catalog -redis host:6379,host2:6379,host3:6379
//
// The exit status is 0 when reads were torn without the lock and none with it, 1
// when it was otherwise or something went wrong, and 2 when the arguments were
// wrong.
package main

import (
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// limit is how long the whole demonstration may take. It normally needs a few
// seconds; a machine that cannot do it in this time gets an error, not a hang.
const limit = 2 * time.Minute

// program starts itself again for each process that does a job.
var program = stage.Program[job, *demo]{Name: "catalog", Limit: limit, New: newDemo}

func main() { program.Main() }
