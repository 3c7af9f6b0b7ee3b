//go:build unix

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// loop is work for a shell that takes longer than patience, and ends by itself should
// nothing end it. Traps run at once.
const loop = `i=0; while [ $i -lt 1500 ]; do i=$((i+1)); sleep 0.02; done`

// process is holdfast, as a process of its own. Its command inherits the pipe that its
// output goes to: that ends when both are gone.
type process struct {
	*exec.Cmd
	t      *testing.T
	lines  chan string   // of stdout
	silent chan struct{} // closed when nothing has stdout any more
	exited chan struct{} // closed when the process has exited
	stderr string        // the path of a file

	mu   sync.Mutex
	said strings.Builder // all lines; guarded by mu
}

func urlOf(node *redistest.Node) string { return "redis://" + node.Addr() }

// start starts holdfast with a URL in its environment.
func start(t *testing.T, url string, args ...string) *process {
	t.Helper()
	return startProgram(t, os.Args[0], url, args...)
}

// startProgram starts a program that becomes holdfast.
func startProgram(t *testing.T, program, url string, args ...string) *process {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stderr")
	errs, err := os.Create(path)
	require.NoError(t, err)
	p := startWith(t, exec.Command(program, args...), url, errs)
	p.stderr = path
	return p
}

// startWithErrors starts holdfast with a file for its errors, which it closes.
func startWithErrors(t *testing.T, url string, errs *os.File, args ...string) *process {
	t.Helper()
	return startWith(t, exec.Command(os.Args[0], args...), url, errs)
}

func startWith(t *testing.T, cmd *exec.Cmd, url string, errs *os.File) *process {
	t.Helper()
	p := &process{
		Cmd: cmd, t: t, stderr: os.DevNull,
		lines: make(chan string, 10_000), silent: make(chan struct{}), exited: make(chan struct{}),
	}
	p.Env = append(os.Environ(), asCommand+"=1", "HOLDFAST_REDIS="+url,
		"GORACE=atexit_sleep_ms=0") // the race detector would let each process end a second later
	r, w, err := os.Pipe()
	require.NoError(t, err)
	p.Stdout, p.Stderr = w, errs
	err = p.Start()
	_, _ = w.Close(), errs.Close()
	require.NoError(t, err)
	go p.listen(r)
	go func() {
		defer close(p.exited)
		_ = p.Wait() // its state says how it ended
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-p.exited
		_ = r.Close()
		<-p.silent
	})
	return p
}

func (p *process) listen(r *os.File) {
	defer close(p.silent)
	for lines := bufio.NewScanner(r); lines.Scan(); {
		p.mu.Lock()
		p.said.WriteString(lines.Text() + "\n")
		p.mu.Unlock()
		p.lines <- lines.Text()
	}
}

// next is the next line that holdfast or its command prints.
func (p *process) next() string {
	p.t.Helper()
	select {
	case line := <-p.lines:
		return line
	case <-time.After(patience):
		require.FailNow(p.t, "no line was printed", "%v: %s%s", p.Args[1:], p.output(), p.errors())
	}
	return ""
}

// awaitEnd waits until both holdfast and its command are gone.
func (p *process) awaitEnd(limit time.Duration) {
	p.t.Helper()
	over := time.After(limit)
	for _, end := range []chan struct{}{p.exited, p.silent} {
		select {
		case <-end:
		case <-over:
			require.FailNow(p.t, "holdfast or its command has not ended", "%v: %s%s", p.Args[1:], p.output(), p.errors())
		}
	}
}

// status waits for the end of both, and is holdfast's.
func (p *process) status() int {
	p.t.Helper()
	p.awaitEnd(patience)
	return p.ProcessState.ExitCode()
}

func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

func (p *process) errors() string {
	text, err := os.ReadFile(p.stderr)
	require.NoError(p.t, err)
	return string(text)
}

// awaitError waits for words among the errors of a holdfast that lives.
func (p *process) awaitError(words string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.errors(), words) }, patience, tick, words)
}

func inspector(t *testing.T, node *redistest.Node) *inspect.Inspector {
	client := redis.NewClient(&redis.Options{Addr: node.Addr()})
	t.Cleanup(func() { _ = client.Close() })
	return inspect.New(goredis.NewPool(client))
}
