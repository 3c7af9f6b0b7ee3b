// Workers shows how a semaphore keeps several processes from calling a fragile
// service too often at once. It needs nothing but Go:
//
//	go run ./examples/workers
//
// The service is a small HTTP server in this program, which answers 503 to a
// request when more than a few are inside. Several processes call it, twice.
// Without a semaphore many of their requests fail. With a Holdfast semaphore
// that has as many permits as the service can take, none does.
//
// The semaphore lives on three small Redis servers embedded in this program. To
// use your own:
//
//	go run ./examples/workers -redis host:6379,host2:6379,host3:6379
//
// The exit status is 0 when requests failed without the semaphore and none with
// it, 1 when it was otherwise or something went wrong, and 2 when the arguments
// were wrong.
package main

import (
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// limit is how long the whole demonstration may take. It normally needs a few
// seconds; a machine that cannot do it in this time gets an error, not a hang.
const limit = 2 * time.Minute

// program starts itself again for each process that does a job.
var program = stage.Program[job, *demo]{Name: "workers", Limit: limit, New: newDemo}

func main() { program.Main() }
