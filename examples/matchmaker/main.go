// Matchmaker shows how several processes update the state of tickets, each under the
// mutex lock/<id> of its ticket, with redigo. It needs nothing but Go:
//
//	go run ./examples/matchmaker
//
// Each process lets players join the same tickets: it reads a ticket from Redis, adds a
// player, and writes it back. Without the mutex most players are lost; with it none is.
// The processes have many goroutines and few connections (MaxActive and Wait).
//
// The tickets live on the first of three small Redis servers embedded in this program,
// and the locks on all. To use your own:
//
//	go run ./examples/matchmaker -redis host:6379,host2:6379,host3:6379
//
// The exit status is 0 when no player was lost under the mutex, 1 when one was or
// something failed, and 2 when the arguments were wrong.
package main

import (
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/stage"
)

// limit is how long the whole demonstration may take. It normally needs a few seconds.
const limit = 2 * time.Minute

// program starts itself again for each process that does a job.
var program = stage.Program[job, *demo]{Name: "matchmaker", Limit: limit, New: newDemo}

func main() { program.Main() }
