package simnet

import (
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
)

const ms = time.Millisecond

// Fault is something that happens to a call or to a node. Users may have faults of their own
// from [Faults] on.
type Fault int

const (
	Slow      Fault = iota // the request or the reply takes longer than most
	Late                   // the request arrives after its caller has given up
	NoRequest              // the request is lost
	NoReply                // the request is run, its reply is lost
	Twice                  // the request is run twice, the second time later
	Refused                // the node is away, and refuses
	Stopped                // the node stands still, and the request waits there
	Clock                  // the node's clock is not the clients'
	Far                    // the node is far away
	Dead                   // a connection was found dead before anything was sent
	Half                   // a connection broke in the middle of a batch
	Granted                // none: a release has granted a waiter the lock
	Faults                 // how many there are
)

var faultNames = [Faults]string{
	"slow", "late", "request lost", "reply lost", "run twice", "node away", "node stopped",
	"clock off", "node far", "connection dead", "batch half answered", "lease granted by a release",
}

func (f Fault) String() string { return faultNames[f] }

// Network is what all ways have in common. Only Quiet may change while it is used.
type Network struct {
	Expiry time.Duration // the longest lifetime, by which late calls and repetitions are drawn
	Bound  time.Duration // of a call
	Odds   Odds
	Quiet  atomic.Bool // the network is well: nothing is lost, late, slow or repeated
	Wrong  Wrong

	// Meet is called with each fault that is met, and Note with what happens, for a trace.
	// Goroutines call them at the same time, some under a node's Mu.
	Meet func(Fault)
	Note func(text string, args ...any)
}

// Odds are how likely each fault of a call is, in a thousand. Slow counts twice: for the
// request, and for the reply.
type Odds struct{ Slow, Late, Request, Reply, Twice int }

// Wrong breaks the network on purpose, for tests of tests.
type Wrong struct {
	Script func(*fakenode.Node, *driver.Call) // changes a call just before it is run; under the node's Mu
	Early  bool                               // lifetimes begin earlier than validity does: as if that began with the answer
	Unsent bool                               // drivers take what they have sent for not sent
	Once   bool                               // no release arrives that is sent again
}

// ErrBroken is what a call fails with whose connection broke.
var ErrBroken = errors.New("sim: connection reset")

// broken is what a driver says of a request whose connection broke.
func (n *Network) broken() error {
	if n.Wrong.Unsent {
		return driver.ErrNotSent
	}
	return ErrBroken
}

// timedOut is what a driver says of a request without an answer in time.
func (n *Network) timedOut(err error) error {
	if n.Wrong.Unsent {
		return driver.ErrNotSent
	}
	return err
}

// upTo is a random time.
func upTo(random *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(random.Int64N(int64(most) + 1))
}
