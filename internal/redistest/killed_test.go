package redistest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// envKeeps makes TestNodesEndWithAKilledTestBinary the binary that is killed.
const envKeeps = "HOLDFAST_TEST_KEEPS_A_NODE"

// A test binary that is killed cleans up nothing, and its nodes end all the same.
func TestNodesEndWithAKilledTestBinary(t *testing.T) {
	Needs(t, CanKill)
	if Backend() == backendProcess && runtime.GOOS != "linux" { // elsewhere a child outlives its parent
		t.Skip("processes end with a killed test binary on Linux only")
	}
	if os.Getenv(envKeeps) != "" {
		fmt.Println("\nkeeps " + StartOne(t).Addr())
		_, _ = io.Copy(io.Discard, os.Stdin) // until the other one kills, or is gone itself
		return
	}
	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	other.Env = append(os.Environ(), envKeeps+"=yes")
	in, err := other.StdinPipe()
	require.NoError(t, err)
	defer in.Close()
	out, err := other.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	addr := kept(t, out)
	require.NoError(t, dialed(addr))
	require.NoError(t, other.Process.Kill())
	_ = other.Wait() // killed
	require.Eventually(t, func() bool { return dialed(addr) != nil }, patience, time.Millisecond)
}

// kept reads the address of the other binary's node.
func kept(t *testing.T, out io.Reader) string {
	t.Helper()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if addr, found := strings.CutPrefix(lines.Text(), "keeps "); found {
			return addr
		}
	}
	require.FailNow(t, "the other binary has no node", "%v", lines.Err())
	return ""
}

// dialed tries to connect.
func dialed(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	return conn.Close()
}
