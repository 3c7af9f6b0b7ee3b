package nodes

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/gomodule/redigo/redis"
)

const (
	readyWithin = 10 * time.Second // a server that takes longer has failed
	readyPoll   = 5 * time.Millisecond
	replyWithin = 5 * time.Second // bound of one administrative command
)

// Node is one independent Redis server, without persistence, on loopback. Its
// methods must not be called concurrently.
type Node struct {
	binary string
	dir    string // working directory, removed by Stop
	port   int
	cmd    *exec.Cmd // nil while the node is killed
}

// Start runs n nodes and returns once all of them answer. On error none is left
// running. The caller stops them with StopAll.
func Start(n int) ([]*Node, error) {
	nodes := make([]*Node, 0, n)
	for range n {
		node, err := startOne()
		if err != nil {
			StopAll(nodes)
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// StopAll stops every node, also those that hang.
func StopAll(nodes []*Node) {
	for _, node := range nodes {
		node.Stop()
	}
}

// Addrs lists the nodes' addresses, in their order.
func Addrs(nodes []*Node) []string {
	addrs := make([]string, len(nodes))
	for i, node := range nodes {
		addrs[i] = node.Addr()
	}
	return addrs
}

// Addr is the node's host:port. It stays the same over Kill and Restart.
func (n *Node) Addr() string { return fmt.Sprintf("127.0.0.1:%d", n.port) }

// Hang stops the process: connections stay open, the kernel accepts new ones,
// and nothing is answered until Resume.
func (n *Node) Hang() error { return n.signal(syscall.SIGSTOP) }

// Resume ends a Hang. The node then runs what was sent to it meanwhile. It
// returns once the node answers again.
func (n *Node) Resume() error {
	if err := n.signal(syscall.SIGCONT); err != nil {
		return err
	}
	return n.awaitReady()
}

// Kill ends the process at once: connections are cut and new ones refused, until
// Restart.
func (n *Node) Kill() error {
	if err := n.signal(syscall.SIGKILL); err != nil {
		return err
	}
	_ = n.cmd.Wait() // reports the kill
	n.cmd = nil
	return nil
}

// Restart runs a killed node again, empty, on the same address.
func (n *Node) Restart() error {
	if n.cmd != nil {
		return fmt.Errorf("nodes: %s is running", n.Addr())
	}
	return n.launch()
}

// Stop ends the node for good and removes its files.
func (n *Node) Stop() {
	if n.cmd != nil {
		_ = n.Kill()
	}
	_ = os.RemoveAll(n.dir)
}

func (n *Node) signal(sig syscall.Signal) error {
	if n.cmd == nil {
		return fmt.Errorf("nodes: %s is not running", n.Addr())
	}
	return n.cmd.Process.Signal(sig)
}

// Do runs one command on a connection of its own.
func (n *Node) Do(command string, args ...any) (any, error) {
	conn, err := n.dial()
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return conn.Do(command, args...)
}

func (n *Node) dial() (redis.Conn, error) {
	return redis.Dial("tcp", n.Addr(),
		redis.DialConnectTimeout(replyWithin), redis.DialReadTimeout(replyWithin))
}

// Keys lists every key on the node.
func (n *Node) Keys() ([]string, error) { return redis.Strings(n.Do("KEYS", "*")) }

// Flush removes every key.
func (n *Node) Flush() error {
	_, err := n.Do("FLUSHALL")
	return err
}

// Version is the server's redis_version.
func (n *Node) Version() (string, error) {
	info, err := redis.String(n.Do("INFO", "server"))
	if err != nil {
		return "", err
	}
	return infoField(info, "redis_version"), nil
}
