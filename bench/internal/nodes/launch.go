package nodes

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Ports come from below the range that operating systems hand out by
// themselves, so that nobody is given a killed node's port before its Restart.
const (
	firstPort = 21000
	lastPort  = 29999
	portTries = 100
)

// servers are the programs that can be a node, the first one found is used.
var servers = []string{"redis-server", "valkey-server"}

func startOne() (*Node, error) {
	binary, err := findServer()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "holdfast-bench-")
	if err != nil {
		return nil, err
	}
	node := &Node{binary: binary, dir: dir}
	if err := node.launchOnFreePort(); err != nil {
		node.Stop()
		return nil, err
	}
	return node, nil
}

func findServer() (string, error) {
	for _, name := range servers {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("nodes: none of %s is on PATH", strings.Join(servers, ", "))
}

func (n *Node) launchOnFreePort() error {
	var err error
	for range portTries {
		n.port = firstPort + rand.IntN(lastPort-firstPort+1)
		if !free(n.Addr()) {
			continue
		}
		if err = n.launch(); err == nil {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("nodes: no node started in %d tries", portTries), err)
}

func free(addr string) bool {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// launch runs the server and waits until it answers. On error it is not running.
func (n *Node) launch() error {
	cmd := exec.Command(n.binary, "--bind", "127.0.0.1", "--port", strconv.Itoa(n.port),
		"--dir", n.dir, "--save", "", "--appendonly", "no")
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	n.cmd = cmd
	if err := n.awaitReady(); err != nil {
		return errors.Join(err, n.Kill())
	}
	return nil
}

// awaitReady polls until the server answers, and checks that it is this node's
// process that does: another program may have taken the port first.
func (n *Node) awaitReady() error {
	var err error
	for deadline := time.Now().Add(readyWithin); time.Now().Before(deadline); time.Sleep(readyPoll) {
		if err = n.ping(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("nodes: %s is not ready: %w", n.Addr(), err)
}

func (n *Node) ping() error {
	reply, err := n.Do("INFO", "server")
	if err != nil {
		return err
	}
	want := strconv.Itoa(n.cmd.Process.Pid)
	if pid := infoField(string(reply.([]byte)), "process_id"); pid != want {
		return fmt.Errorf("process %s answers instead of %s", pid, want)
	}
	return nil
}

// infoField returns a field's value from the text of INFO, or "".
func infoField(info, field string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
