package redlock

import (
	"fmt"
	"sync/atomic"

	"github.com/holdfast-go/holdfast/internal/redlock/simnet"
)

// What a simulation meets besides the faults of its network.
const (
	faultForgot    = simnet.Faults + iota // the node has come back empty, with something to forget
	faultCancelled                        // the caller's ctx ended first
	faultOverslept                        // the caller came back after its lease had ended
	faultUnsent                           // a node was not asked, as it has been silent
	faultPassed                           // none: the lease of another goroutine of the process was passed on
	simFaults                             // how many there are
)

var simFaultNames = [simFaults]string{
	faultForgot: "node back empty", faultCancelled: "caller cancelled", faultOverslept: "caller overslept",
	faultUnsent: "not sent", faultPassed: "lease passed on",
}

func faultName(f simnet.Fault) string {
	if f < simnet.Faults {
		return f.String()
	}
	return simFaultNames[f]
}

// simCounts count what was met, over all schedules.
type simCounts [simFaults]atomic.Int64

func (c *simCounts) String() string {
	text := ""
	for f := range simFaults {
		text += fmt.Sprintf("%s %d, ", faultName(f), c[f].Load())
	}
	return text[:len(text)-2]
}
