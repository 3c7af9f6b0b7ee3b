package redistest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
)

const (
	clusterMasters = 3
	clusterSlots   = 16384
	// busDistance is how far above a node's port its cluster bus listens.
	busDistance = 10000
	maxPort     = 65535
	// clusterNodeTimeout, in milliseconds, is how long a node may be silent until
	// the others take it for lost: longer than a busy machine makes one wait.
	clusterNodeTimeout = "5000"
)

// Cluster is a Redis Cluster of three masters without replicas, each with a
// third of the slots, as processes on this machine.
type Cluster struct {
	// Nodes are the masters, in the order of their slots at the start. They can
	// be paused, killed, flushed and restarted as any node; one that is
	// restarted comes back with its slots and without its keys.
	Nodes []*Node
}

// StartCluster is NewCluster for tests that need the addresses only.
func StartCluster(t testing.TB) []string {
	t.Helper()
	return NewCluster(t).Addrs()
}

// NewCluster starts a cluster whose nodes all agree on who has which slot when
// it returns. It ends with the test. Whatever the backend is, it takes a
// redis-server or valkey-server on PATH; without one the test is skipped.
func NewCluster(t testing.TB) *Cluster {
	t.Helper()
	nodes := processNodes(t, clusterMasters, startClusterNode)
	c := &Cluster{Nodes: nodes}
	for i, node := range nodes {
		node.Do(t, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		node.Do(t, addSlots(i)...)
	}
	for _, node := range nodes[1:] {
		nodes[0].Do(t, "CLUSTER", "MEET", loopback.Host, node.port())
	}
	for _, node := range nodes {
		eventually(t, func() error { return clusterReady(node) })
	}
	c.settle(t)
	return c
}

// startClusterNode starts a server that belongs to a cluster of its own yet.
func startClusterNode(t testing.TB, binary string) (*process, error) {
	port, bus, err := reservePair()
	if err != nil {
		return nil, err
	}
	t.Cleanup(bus.Release)
	return newProcess(binary, port, redisArgs(
		"--cluster-enabled", "yes", "--cluster-node-timeout", clusterNodeTimeout,
		"--cluster-announce-ip", loopback.Host))
}

// reservePair reserves a port and the one where its cluster bus will listen.
func reservePair() (port, bus *loopback.Reservation, err error) {
	const attempts = 100
	for range attempts {
		if port, err = loopback.Reserve(); err != nil {
			return nil, nil, err
		}
		if port.Port()+busDistance <= maxPort {
			if bus, err = loopback.ReservePort(port.Port() + busDistance); err == nil {
				return port, bus, nil
			}
		}
		port.Release()
	}
	return nil, nil, fmt.Errorf("redistest: no two free ports %d apart", busDistance)
}

// addSlots is the command that gives node i its share of the slots.
func addSlots(i int) []any {
	command := []any{"CLUSTER", "ADDSLOTS"}
	for slot := i * clusterSlots / clusterMasters; slot < (i+1)*clusterSlots/clusterMasters; slot++ {
		command = append(command, slot)
	}
	return command
}

// clusterReady returns why a node does not see the whole cluster, or nil.
func clusterReady(node *Node) error {
	info, err := node.TryDo("CLUSTER", "INFO")
	if err != nil {
		return err
	}
	for _, want := range []string{
		"cluster_state:ok",
		fmt.Sprintf("cluster_slots_ok:%d", clusterSlots),
		fmt.Sprintf("cluster_known_nodes:%d", clusterMasters),
	} {
		if !strings.Contains(info.(string), want+"\r\n") {
			return fmt.Errorf("%s does not say %s: %s", node.Addr(), want, info)
		}
	}
	return nil
}

// Addrs are the nodes' addresses.
func (c *Cluster) Addrs() []string {
	addrs := make([]string, len(c.Nodes))
	for i, node := range c.Nodes {
		addrs[i] = node.Addr()
	}
	return addrs
}

// Slot is the hash slot of a key.
func (c *Cluster) Slot(t testing.TB, key string) int {
	t.Helper()
	return int(c.Nodes[0].Do(t, "CLUSTER", "KEYSLOT", key).(int64))
}

// Owner is the node that has a slot, as the first node knows it.
func (c *Cluster) Owner(t testing.TB, slot int) *Node {
	t.Helper()
	for _, entry := range c.Nodes[0].Do(t, "CLUSTER", "SLOTS").([]any) {
		share := entry.([]any)
		if int64(slot) < share[0].(int64) || int64(slot) > share[1].(int64) {
			continue
		}
		port := strconv.FormatInt(share[2].([]any)[1].(int64), 10)
		for _, node := range c.Nodes {
			if node.port() == port {
				return node
			}
		}
	}
	t.Fatalf("redistest: nobody has slot %d", slot)
	return nil
}

// MoveSlot moves a slot and its keys to another node. Clients that do not know
// yet get MOVED.
func (c *Cluster) MoveSlot(t testing.TB, slot int, to *Node) {
	t.Helper()
	c.BeginMove(t, slot, to)()
}

// BeginMove starts to move a slot to another node, and returns what moves its
// keys and ends it. In between the old owner answers for the keys that it has,
// and sends clients that ask for others on with ASK.
func (c *Cluster) BeginMove(t testing.TB, slot int, to *Node) (finish func()) {
	t.Helper()
	c.settle(t) // so that the new owner can claim the slot with an epoch above all others
	from := c.Owner(t, slot)
	target := to.Do(t, "CLUSTER", "MYID")
	to.Do(t, "CLUSTER", "SETSLOT", slot, "IMPORTING", from.Do(t, "CLUSTER", "MYID"))
	from.Do(t, "CLUSTER", "SETSLOT", slot, "MIGRATING", target)
	return func() {
		t.Helper()
		moveKeys(t, slot, from, to)
		for _, node := range append([]*Node{to, from}, c.Nodes...) { // the new owner first
			node.Do(t, "CLUSTER", "SETSLOT", slot, "NODE", target)
		}
		c.settle(t)
		if owner := c.Owner(t, slot); owner != to {
			t.Fatalf("redistest: slot %d has moved to %s and belongs to %s", slot, to.Addr(), owner.Addr())
		}
	}
}

// settle waits until all nodes say the same about who has which slots, and by
// which epoch. Until then a node may claim slots with an epoch that another one
// has taken already, and lose them again to gossip.
func (c *Cluster) settle(t testing.TB) {
	t.Helper()
	eventually(t, func() error {
		first, err := layout(c.Nodes[0])
		if err != nil {
			return err
		}
		for _, node := range c.Nodes[1:] {
			view, err := layout(node)
			if err != nil {
				return err
			}
			if !maps.Equal(first, view) {
				return fmt.Errorf("%s and %s do not agree: %v and %v", c.Nodes[0].Addr(), node.Addr(), first, view)
			}
		}
		if len(first) != len(c.Nodes) {
			return fmt.Errorf("two nodes have one epoch: %v", first)
		}
		return nil
	})
}

// layout returns the slots of each configuration epoch, which is each node's own
// once there was time to exchange them, as one node knows them.
func layout(node *Node) (map[string]string, error) {
	const epochField, slotsField = 6, 8
	text, err := node.TryDo("CLUSTER", "NODES")
	if err != nil {
		return nil, err
	}
	slots := make(map[string]string)
	for line := range strings.Lines(text.(string)) {
		fields := strings.Fields(line)
		if len(fields) < slotsField {
			return nil, fmt.Errorf("%s describes a node as %q", node.Addr(), line)
		}
		own := slices.DeleteFunc(fields[slotsField:], func(slot string) bool {
			return strings.HasPrefix(slot, "[") // on its way, which only its nodes know
		})
		slots[fields[epochField]] = fields[0] + " " + strings.Join(own, " ")
	}
	return slots, nil
}

// moveKeys moves the keys of a slot.
func moveKeys(t testing.TB, slot int, from, to *Node) {
	t.Helper()
	const atOnce = 100
	for {
		keys := from.Do(t, "CLUSTER", "GETKEYSINSLOT", slot, atOnce).([]any)
		if len(keys) == 0 {
			return
		}
		command := []any{"MIGRATE", loopback.Host, to.port(), "", 0, commandTimeout.Milliseconds(), "KEYS"}
		from.Do(t, append(command, keys...)...)
	}
}
