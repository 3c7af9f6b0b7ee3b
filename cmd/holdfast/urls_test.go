//go:build unix

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// useAll has each subcommand do its part on the servers of a URL, and returns the keys of
// the lock while it is held.
func useAll(t *testing.T, url, name string, held func()) {
	t.Helper()
	run := start(t, url, "run", "-mutex", name, "-owner", "me", "-expiry", "6s", "--", "sh", "-c", "echo $HOLDFAST_VALUE; "+loop)
	value := run.next()
	held()
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"show", name}, "mutex " + name + ": 1 held, 0 waiting, 1 of 1 nodes answered\n"},
		{[]string{"ls", name + "*"}, "mutex      " + name + "\n"},
		{[]string{"release", name, "-value", value, "-yes"}, "released on nodes 0\n"},
	} {
		p := look(t, url, c.want, c.args...)
		require.Zero(t, p.status(), p.errors())
		require.Contains(t, p.output(), c.want)
	}
	require.Equal(t, statusLost, run.status(), run.errors())
	for _, kind := range [][]string{{"-read", name}, {"-write", name, "-fence"}, {"-semaphore", name, "-limit", "1"}} {
		p := start(t, url, append(append([]string{"run"}, kind...), "--", "echo", "ran")...)
		require.Zero(t, p.status(), p.errors())
		require.Equal(t, "ran\n", p.output())
	}
}

// look runs a subcommand that is to say what is wanted, and once more where its look at a node,
// which gives up after inspect.Timeout, may only have waited for a processor.
func look(t *testing.T, url, want string, args ...string) *process {
	t.Helper()
	for tries := 1; ; tries++ {
		p := start(t, url, args...)
		p.awaitEnd(patience)
		said := strings.Contains(p.output()+p.errors(), want)
		if said || tries == 10 || !strings.Contains(p.errors(), inspect.Timeout.String()) {
			return p
		}
	}
}

func TestSentinelURL(t *testing.T) {
	group := redistest.NewSentinel(t)
	addrs, name := group.Addrs(), redistest.Name(t)
	url := "redis://" + addrs[0] + "?addr=" + addrs[1] + "&addr=" + addrs[2] + "&master_name=" + group.Name
	useAll(t, url, name, func() {
		assert.Equal(t, int64(1), group.Master(t).Do(t, "EXISTS", name), "the master has it")
	})
	none := start(t, strings.Replace(url, "master_name=", "master_name=not-", 1), "show", name)
	assert.Equal(t, statusFailed, none.status(), "the sentinels know no such master")
	assert.Contains(t, none.output(), "0 of 1 nodes answered")
}

// Names of all masters are used, and ls finds them on all.
func TestClusterURL(t *testing.T) {
	cluster := redistest.NewCluster(t)
	addrs, prefix := cluster.Addrs(), redistest.Name(t)
	url := "redis://" + addrs[0] + "?addr=" + addrs[1]
	var names []string
	for i := 0; len(names) < len(cluster.Nodes); i++ {
		name := fmt.Sprint(prefix, ":", i)
		if cluster.Owner(t, cluster.Slot(t, name)) == cluster.Nodes[len(names)] {
			names = append(names, name)
		}
	}
	for i, name := range names {
		useAll(t, url, name, func() {
			assert.Equal(t, int64(1), cluster.Nodes[i].Do(t, "EXISTS", name), "its master has it")
		})
		cluster.Nodes[i].Do(t, "SET", name, token, "PX", 600_000)
	}
	ls := start(t, url, "ls", prefix+"*")
	assert.Zero(t, ls.status(), ls.errors())
	assert.Equal(t, len(names), strings.Count(ls.output(), "mutex      "+prefix), ls.output())
}

func TestUnixURL(t *testing.T) {
	if redistest.Backend() == "docker" {
		// On the other backends it runs, with the same client.
		t.Skip("a node in a container has no folder of this machine for its socket")
	}
	dir, err := os.MkdirTemp("", "holdfast") //nolint:usetesting // a short path, as sockets need it
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "redis")
	node, name := redistest.StartOne(t, redistest.WithConfig("unixsocket "+socket)), redistest.Name(t)
	useAll(t, "unix://"+socket+"?db=1", name, func() {
		assert.Zero(t, node.Do(t, "EXISTS", name), "it is in another database")
	})
}

const secret = "s3cret-of-ours"

// Whatever is wrong with a server or a URL, holdfast prints no password.
func TestNoPasswordIsPrinted(t *testing.T) {
	protected := redistest.StartOne(t, redistest.WithConfig("requirepass "+secret)).Addr()
	odd := redistest.StartOne(t, redistest.WithConfig(`rename-command AUTH ""`, `rename-command HELLO ""`)).Addr()
	name := redistest.Name(t)
	for what, c := range map[string]struct{ url, want string }{
		"wrong":       {"redis://:" + secret + "x@" + protected, "WRONGPASS"},
		"none":        {"redis://" + protected, "NOAUTH"},
		"unreachable": {"redis://:" + secret + "@127.0.0.1:1", "refused"},
		"not TLS":     {"rediss://:" + secret + "@" + protected, ""},
		"repeated":    {"redis://me:" + secret + "@" + odd, "unknown command"},
		"a majority":  {"redis://me:" + secret + "@" + odd + ",redis://:" + secret + "x@" + protected, ""},
		"cluster":     {"redis://:" + secret + "@" + protected + "?addr=" + odd, ""},
		"sentinel":    {"redis://:" + secret + "@" + protected + "?master_name=" + secret, ""},
		"not escaped": {"redis://:" + secret + "%zz@" + protected, "it is no URL"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "urls")
			require.NoError(t, os.WriteFile(file, []byte(c.url+"\n"), 0o600))
			for _, args := range [][]string{
				{"show", name}, {"show", "-json", name}, {"ls", "*"}, {"release", name, "-value", "v", "-yes"},
				{"run", "-mutex", name, "-wait", "0", "--", "true"}, {"run", "-mutex", name, "-wait", "0", "-redis", "@" + file, "--", "true"},
				{"show", "-redis", c.url, name}, {"show", "-redis", "@" + file, name},
			} {
				want := ""
				if args[0] == "show" {
					want = c.want
				}
				p := look(t, c.url, want, args...)
				assert.NotZero(t, p.status(), p.Args)
				said := p.output() + p.errors()
				assert.NotContains(t, said, secret, p.Args)
				assert.Contains(t, said, want, p.Args)
			}
		})
	}
}

// Where the URL comes from the environment or from a file, the password is among the
// arguments of no process.
func TestNoPasswordIsAnArgument(t *testing.T) {
	if runtime.GOOS != "linux" {
		// Elsewhere no file lists the arguments of a process. What holdfast passes on is the same.
		t.Skip("/proc is Linux's")
	}
	node := redistest.StartOne(t, redistest.WithConfig("requirepass "+secret))
	url := "redis://:" + secret + "@" + node.Addr()
	file := filepath.Join(t.TempDir(), "urls")
	require.NoError(t, os.WriteFile(file, []byte(url+"\n"), 0o600))
	for _, c := range []struct {
		url   string
		flags []string
	}{{url, nil}, {"", []string{"-redis", "@" + file}}} {
		args := append([]string{"run", "-mutex", redistest.Name(t)}, c.flags...)
		p := start(t, c.url, append(args, "--", "sh", "-c", "echo $$; "+loop)...)
		command := p.next()
		for _, pid := range []string{fmt.Sprint(p.Process.Pid), command} {
			line, err := os.ReadFile("/proc/" + pid + "/cmdline")
			require.NoError(t, err)
			assert.NotEmpty(t, line)
			assert.NotContains(t, string(line), secret)
		}
		require.NoError(t, p.Process.Signal(syscall.SIGTERM))
		assert.Equal(t, 128+15, p.status(), p.errors())
	}
}
