//go:build unix

package histories

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	redigoclient "github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
)

// A process may be stopped between its last look at the clock and its write. No lock
// with leases can help that; a fence at the store can.

// store is a list that refuses writes whose fence is smaller than one that it has seen.
// It is not on the nodes of the lock.
const store = `
if tonumber(ARGV[2]) < tonumber(redis.call('GET', KEYS[1]) or '0') then
	return 0
end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('RPUSH', KEYS[2], ARGV[1])
return 1`

// write adds a word to the store.
func write(addr, word string, fence int64) (accepted bool, err error) {
	conn, err := redigoclient.Dial("tcp", addr)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	return redigoclient.Bool(conn.Do("EVAL", store, 2, "store:fence", "store:words", word, fence))
}

const childVariable = "HOLDFAST_HISTORIES_CHILD"

// The child is this test binary with childVariable, which names the lock, the store
// and the nodes.
func init() {
	if words := os.Getenv(childVariable); words != "" {
		runChild(strings.Split(words, ","))
		os.Exit(0)
	}
}

// runChild locks, reports that, waits for a line, and writes without another look at the
// clock. It reports what came of it, and whether a look would have helped.
func runChild(words []string) {
	m := mutexOf(words[0], words[3:], words[2] == fenced)
	if err := m.Lock(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("locked")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return
	}
	accepted, err := write(words[1], "child", m.Fence())
	fmt.Println(accepted, err, time.Now().Before(m.Until()))
}

// fenced and bare say whether a child's holds have fences.
const (
	fenced = "fenced"
	bare   = "bare"
)

// mutexOf has no fences, which are all 0 then, unless it is to have them.
func mutexOf(name string, addrs []string, hasFences bool) *mutex.Mutex {
	var pools []driver.Pool
	for _, addr := range addrs {
		pools = append(pools, redigo.NewPool(&redigoclient.Pool{Dial: func() (redigoclient.Conn, error) {
			return redigoclient.Dial("tcp", addr)
		}}))
	}
	options := []mutex.Option{mutex.WithExpiry(expiry), mutex.WithUnlimitedTries()}
	if hasFences {
		options = append(options, mutex.WithFencing())
	}
	return mutex.New(pools...).NewMutex(name, options...)
}

// child is a running one.
type child struct {
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

func startChild(t *testing.T, words ...string) *child {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+strings.Join(words, ","))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &child{cmd, in, bufio.NewReader(out)}
}

func (c *child) line(t *testing.T) string {
	line, err := c.out.ReadString('\n')
	require.NoError(t, err)
	return strings.TrimSpace(line)
}

// A process is stopped past its expiry, another one gets the lock and writes, and the
// first one goes on and writes late. Without a fence that succeeds, and only the
// process's own clock would have shown it. With fences the store refuses.
func TestStoppedProcessWritesLate(t *testing.T) {
	if redistest.Backend() == "embedded" { // the child has to reach the nodes of its parent
		t.Skip("embedded nodes are part of this process, and a child's would be others")
	}
	t.Run(bare, func(t *testing.T) {
		writesLate(t, bare, "true <nil> false", "parent", "child")
	})
	t.Run(fenced, func(t *testing.T) {
		writesLate(t, fenced, "false <nil> false", "parent")
	})
}

// writesLate is the story. said is what the child reports of its write, and then that
// its lease is over by its own clock. words are what the store has in the end.
func writesLate(t *testing.T, kind, said string, words ...any) {
	nodes, at := redistest.Start(t, 3), redistest.StartOne(t)
	name := redistest.Name(t)
	var addrs []string
	for _, n := range nodes {
		addrs = append(addrs, n.Addr())
	}
	c := startChild(t, append([]string{name, at.Addr(), kind}, addrs...)...)
	require.Equal(t, "locked", c.line(t))
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGSTOP))
	m := mutexOf(name, addrs, kind == fenced)
	require.NoError(t, m.Lock(), "its lease ends although it is stopped")
	accepted, err := write(at.Addr(), "parent", m.Fence())
	require.NoError(t, err)
	require.True(t, accepted)
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGCONT))
	_, err = io.WriteString(c.in, "write\n")
	require.NoError(t, err)
	require.Equal(t, said, c.line(t))
	require.Equal(t, words, at.Do(t, "LRANGE", "store:words", 0, -1))
	_, err = m.Unlock()
	require.NoError(t, err)
}

// The store does refuse what is behind.
func TestStoreRefusesASmallerFence(t *testing.T) {
	at := redistest.StartOne(t)
	for _, c := range []struct {
		fence    int64
		accepted bool
	}{{5, true}, {5, true}, {9, true}, {8, false}, {10, true}} {
		accepted, err := write(at.Addr(), "x", c.fence)
		require.NoError(t, err)
		require.Equal(t, c.accepted, accepted, c.fence)
	}
}
