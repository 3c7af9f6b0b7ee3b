package redistest

import (
	"errors"
	"os"
	"strings"

	"github.com/holdfast-go/holdfast/internal/redistest/embedded"
	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
)

// Examples find servers by these variables, as a program of the reader's may.
const (
	exampleAddr  = "REDIS_ADDR"  // one server, host:port
	exampleAddrs = "REDIS_ADDRS" // three, separated by commas
)

// exampleNodes are the servers of a package's examples. They are embedded whatever the
// backend is, as an example has no test to start them with.
type exampleNodes struct {
	nodes []*embedded.Node
	away  *loopback.Reservation // nothing listens there: a majority has to do
}

// start starts the servers and sets the variables. On error nothing is left running.
func (e *exampleNodes) start() error {
	if err := e.open(); err != nil {
		e.stop()
		return err
	}
	one, two := e.nodes[0].Addr(), e.nodes[1].Addr()
	return errors.Join(
		os.Setenv(exampleAddr, one),
		os.Setenv(exampleAddrs, strings.Join([]string{one, two, e.away.Addr()}, ",")),
	)
}

func (e *exampleNodes) open() (err error) {
	for range 2 {
		node, err := embedded.Start()
		if err != nil {
			return err
		}
		e.nodes = append(e.nodes, node)
	}
	e.away, err = loopback.Reserve()
	return err
}

// stop stops what has started.
func (e *exampleNodes) stop() {
	for _, node := range e.nodes {
		node.Close()
	}
	if e.away != nil {
		e.away.Release()
	}
}
