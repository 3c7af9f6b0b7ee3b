package redistest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest/embedded"
)

// skipped runs a test that may skip itself, and reports whether it did.
func skipped(t *testing.T, test func(t *testing.T)) bool {
	t.Helper()
	skipped := false
	t.Run("perhaps skipped", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		test(t)
	})
	return skipped
}

func TestBackendIsTheForcedOne(t *testing.T) {
	for _, name := range []string{backendProcess, backendEmbedded} {
		if b, err := newBackend(name); err == nil {
			assert.Equal(t, name, b.name())
			assert.NotEmpty(t, b.describe())
		}
	}
	_, err := newBackend("memcached")
	assert.ErrorContains(t, err, "addrs, process, docker, embedded")
}

func TestBackendsAreTriedInOrder(t *testing.T) {
	t.Setenv(envAddrs, "10.0.0.1:6379")
	assert.Equal(t, backendAddrs, firstOf().name())
	t.Setenv(envAddrs, "")
	if _, err := binary(); err == nil {
		assert.Equal(t, backendProcess, firstOf().name())
	}
	t.Setenv("PATH", t.TempDir())
	assert.Equal(t, backendEmbedded, firstOf().name())
	assert.Contains(t, firstOf().describe(), envAddrs+" is empty")
	assert.Contains(t, firstOf().describe(), "neither redis-server nor valkey-server")
}

func TestAddrsBackendHandsOutWhatItHas(t *testing.T) {
	running, err := embedded.Start()
	require.NoError(t, err)
	defer running.Close()
	from, err := newAddrsBackend(" " + running.Addr() + ", ")
	require.NoError(t, err)

	node := startOn(t, from, 1, config{proxy: true})[0]
	assert.Equal(t, running.Addr(), node.DirectAddr())
	assert.Equal(t, "PONG", ask(t, client(t, node), "PING"))
	node.Do(t, "SET", "k", "v")
	for _, fault := range []func(*testing.T){
		func(t *testing.T) { node.Pause(t) },
		func(t *testing.T) { node.Resume(t) },
		func(t *testing.T) { node.Kill(t) },
		func(t *testing.T) { node.Restart(t) },
		func(t *testing.T) { node.Flush(t) },
		func(t *testing.T) { startOn(t, from, 2, config{}) },
		func(t *testing.T) { startOn(t, from, 1, newConfig([]Option{WithConfig("maxmemory 1mb")})) },
	} {
		assert.True(t, skipped(t, fault))
	}
	assert.Equal(t, "v", node.Do(t, "GET", "k"), "a shared server was flushed")
}

func TestAddrsBackendNeedsAddresses(t *testing.T) {
	_, err := newAddrsBackend(" , ")
	assert.ErrorContains(t, err, envAddrs)
}

func TestEmbeddedBackendTakesNoConfiguration(t *testing.T) {
	assert.True(t, skipped(t, func(t *testing.T) {
		startOn(t, embeddedBackend{}, 1, newConfig([]Option{WithConfig("maxmemory 1mb")}))
	}))
	assert.False(t, skipped(t, func(t *testing.T) {
		needs(t, embeddedBackend{}, CanPause, CanKill, CanRestartEmpty, CanFlush)
	}))
}

// needBinary returns the path of a server to run. It skips the test where there is none.
func needBinary(t *testing.T) string {
	t.Helper()
	path, err := binary()
	if err != nil { // a machine with only Go: there is no process to look at
		t.Skipf("the test needs a server of its own: %v", err)
	}
	return path
}

func TestProcessThatCannotStartSaysWhy(t *testing.T) {
	_, err := startProcess(needBinary(t), redisArgs("--no-such-directive", "1"))
	assert.ErrorContains(t, err, "no-such-directive")
	assert.ErrorContains(t, err, "the server exited")
}

func TestProcessTriesAnotherPortWhenItsOwnIsTaken(t *testing.T) {
	path := needBinary(t)
	var first *process
	attempts := 0
	p, err := startProcess(path, func(dir string, port int) ([]string, error) {
		if attempts++; attempts == 1 { // another process is faster
			var err error
			if first, err = startProcess(path, redisArgs()); err != nil {
				return nil, err
			}
			port = first.port.Port()
		}
		return redisArgs()(dir, port)
	})
	require.NoError(t, err)
	assert.Equal(t, 2, attempts)
	require.NoError(t, p.stop())
	require.NoError(t, first.stop())
}
