package redistest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
)

const (
	sentinelMaster = "holdfast"
	sentinelCount  = 3
	sentinelQuorum = 2
	// sentinelDownAfter, in milliseconds, is how long a master may be silent
	// until it is replaced: longer than a busy machine makes one wait.
	sentinelDownAfter = 5000
)

// Sentinel is a master with one replica, and three sentinels that watch them, as
// processes on this machine.
type Sentinel struct {
	// Name is what the sentinels call the master.
	Name string
	// Data are the two servers. The first one was the master at the start.
	Data []*Node
	// Sentinels are the sentinels. They take the commands of a node, not its
	// keys.
	Sentinels []*Node
}

// StartSentinel is NewSentinel for tests that need to connect only.
func StartSentinel(t testing.TB) (sentinelAddrs []string, masterName string) {
	t.Helper()
	s := NewSentinel(t)
	return s.Addrs(), s.Name
}

// NewSentinel starts a group in which the replica follows the master and every
// sentinel knows all the others when it returns. It ends with the test. Whatever
// the backend is, it takes a redis-server or valkey-server on PATH; without one
// the test is skipped.
func NewSentinel(t testing.TB) *Sentinel {
	t.Helper()
	master := processNodes(t, 1, startMaster)[0]
	replica := processNodes(t, 1, startMaster)[0]
	replica.Do(t, "REPLICAOF", loopback.Host, master.port())
	eventually(t, func() error { return says(replica, "master_link_status:up", "INFO", "replication") })
	s := &Sentinel{Name: sentinelMaster, Data: []*Node{master, replica}}
	s.Sentinels = processNodes(t, sentinelCount, func(_ testing.TB, binary string) (*process, error) {
		return startProcess(binary, sentinelArgs(master.port()))
	})
	for _, sentinel := range s.Sentinels {
		eventually(t, func() error { return s.ready(sentinel) })
	}
	return s
}

// startMaster starts a server that sends its data to a replica without waiting
// for more of them.
func startMaster(_ testing.TB, binary string) (*process, error) {
	return startProcess(binary, redisArgs("--repl-diskless-sync-delay", "0"))
}

// sentinelArgs is a sentinel that watches the master on a port. A sentinel keeps
// what it learns in its configuration file.
func sentinelArgs(master string) commandLine {
	return func(dir string, port int) ([]string, error) {
		lines := []string{
			fmt.Sprintf("port %d", port),
			"bind " + loopback.Host,
			fmt.Sprintf("sentinel monitor %s %s %s %d", sentinelMaster, loopback.Host, master, sentinelQuorum),
			fmt.Sprintf("sentinel down-after-milliseconds %s %d", sentinelMaster, sentinelDownAfter),
		}
		file := filepath.Join(dir, "sentinel.conf")
		text := strings.Join(lines, "\n") + "\n"
		return []string{file, "--sentinel"}, os.WriteFile(file, []byte(text), 0o600)
	}
}

// ready returns what a sentinel does not know yet, or nil.
func (s *Sentinel) ready(sentinel *Node) error {
	if err := says(sentinel, fmt.Sprintf("OK %d usable Sentinels", sentinelCount), "SENTINEL", "CKQUORUM", s.Name); err != nil {
		return err
	}
	return says(sentinel, "master-link-status ok", "SENTINEL", "REPLICAS", s.Name)
}

// Addrs are the sentinels' addresses.
func (s *Sentinel) Addrs() []string {
	addrs := make([]string, len(s.Sentinels))
	for i, sentinel := range s.Sentinels {
		addrs[i] = sentinel.Addr()
	}
	return addrs
}

// Master is the server that the first sentinel takes for the master.
func (s *Sentinel) Master(t testing.TB) *Node {
	t.Helper()
	at := s.Sentinels[0].Do(t, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.Name).([]any)
	for _, node := range s.Data {
		if node.port() == at[1] {
			return node
		}
	}
	t.Fatalf("redistest: the sentinels know a master at %v", at)
	return nil
}

// Failover makes the replica the master, and returns it once it is and every
// sentinel says so. The old master, which is still alive, learns it later; until
// then it takes writes that will be lost.
func (s *Sentinel) Failover(t testing.TB) *Node {
	t.Helper()
	next := s.Data[0]
	if next == s.Master(t) {
		next = s.Data[1]
	}
	eventually(t, func() error { // the replica may be too new to be chosen
		_, err := s.Sentinels[0].TryDo("SENTINEL", "FAILOVER", s.Name)
		return err
	})
	for _, sentinel := range s.Sentinels {
		eventually(t, func() error {
			return says(sentinel, next.port(), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.Name)
		})
	}
	eventually(t, func() error { return says(next, "role:master", "INFO", "replication") })
	return next
}

// says returns nil when the node's reply to a command holds some words, and
// else the reply.
func says(node *Node, words string, command ...any) error {
	reply, err := node.TryDo(command...)
	if err != nil {
		return err
	}
	if !strings.Contains(fmt.Sprint(reply), words) {
		return fmt.Errorf("%s does not say %q to %v: %v", node.direct, words, command, reply)
	}
	return nil
}
