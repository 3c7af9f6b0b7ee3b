package histories

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

// fault is something bad that is done to one node for a while.
type fault struct {
	name string
	do   func(t *testing.T, n *redistest.Node, d time.Duration)
}

var faults = []fault{
	{"pause", func(t *testing.T, n *redistest.Node, d time.Duration) {
		n.Pause(t)
		time.Sleep(d)
		n.Resume(t)
	}},
	{"kill -9, restart past the longest expiry", func(t *testing.T, n *redistest.Node, _ time.Duration) {
		n.Kill(t)
		time.Sleep(expiry + expiry/10)
		n.Restart(t)
	}},
	{"cut", func(_ *testing.T, n *redistest.Node, d time.Duration) {
		n.Proxy().Cut()
		time.Sleep(d)
		n.Proxy().Heal()
	}},
	{"delay", func(_ *testing.T, n *redistest.Node, d time.Duration) {
		n.Proxy().Delay(d / 3)
		time.Sleep(d)
		n.Proxy().Delay(0)
	}},
	{"drop replies", func(_ *testing.T, n *redistest.Node, d time.Duration) {
		n.Proxy().DropReplies(true)
		time.Sleep(d)
		n.Proxy().DropReplies(false)
	}},
	{"drop requests", func(_ *testing.T, n *redistest.Node, d time.Duration) {
		n.Proxy().DropRequests(true)
		time.Sleep(d)
		n.Proxy().DropRequests(false)
	}},
	{"connection storm", storm},
}

// networkFaults are for nodes with a network of their own.
var networkFaults = []fault{
	{"network disconnect", func(t *testing.T, n *redistest.Node, d time.Duration) {
		n.Disconnect(t)
		time.Sleep(d)
		n.Reconnect(t)
	}},
}

// faultsHere are those that the backend can cause.
func faultsHere() []fault {
	if redistest.Has(redistest.CanDisconnect) {
		return slices.Concat(faults, networkFaults)
	}
	return faults
}

// storm opens many connections to the node at once, and drops them.
func storm(t *testing.T, n *redistest.Node, d time.Duration) {
	var open []net.Conn
	for range 200 {
		conn, err := net.DialTimeout("tcp", n.Addr(), time.Second)
		if err != nil {
			t.Logf("storm: %v", err)
			break
		}
		_, _ = conn.Write([]byte("*1\r\n$4\r\nPING\r\n"))
		open = append(open, conn)
	}
	time.Sleep(d)
	for _, conn := range open {
		_ = conn.Close()
	}
}

// tally counts the faults of each kind.
type tally map[string]int

func (c tally) total() (n int) {
	for _, times := range c {
		n += times
	}
	return n
}

// trouble does bad things to one node after another, until the time is over or, at
// least, each of them was done once.
func trouble(t *testing.T, nodes []*redistest.Node, random *rand.Rand, lasts time.Duration) tally {
	done := make(tally)
	until := time.Now().Add(lasts)
	faults := faultsHere()
	order := random.Perm(len(faults))
	for i := 0; i < len(faults) || time.Now().Before(until); i++ {
		f := faults[random.IntN(len(faults))]
		if i < len(faults) {
			f = faults[order[i]]
		}
		time.Sleep(time.Duration(random.Int64N(int64(expiry / 10))))
		f.do(t, nodes[random.IntN(len(nodes))], time.Duration(random.Int64N(int64(expiry/2))))
		done[f.name]++
	}
	return done
}

// patience is how long tests wait for what must come, on a slow machine.
const patience = 30 * time.Second

// requireNoLeaks checks that every key has an expiry, and that all are gone after it, but
// for the counters of fencing tokens, which live for a day.
func requireNoLeaks(t *testing.T, nodes []*redistest.Node) bool {
	ok := true
	for i, n := range nodes {
		for _, key := range keysOf(n) {
			if left, err := n.TryDo("PTTL", key); err == nil && left == int64(-1) {
				ok = assert.Fail(t, fmt.Sprintf("node %d: %s has no expiry", i, key))
			}
		}
	}
	return ok && assert.Eventually(t, func() bool {
		return !slices.ContainsFunc(nodes, func(n *redistest.Node) bool { return slices.ContainsFunc(keysOf(n), ofLease) })
	}, patience, 20*time.Millisecond, "keys were left behind")
}

func ofLease(key string) bool { return !strings.HasSuffix(key, ":fence") }

func keysOf(n *redistest.Node) (keys []string) {
	reply, err := n.TryDo("KEYS", "*")
	if err != nil {
		return []string{"unknown"}
	}
	for _, key := range reply.([]any) {
		keys = append(keys, key.(string))
	}
	return keys
}
