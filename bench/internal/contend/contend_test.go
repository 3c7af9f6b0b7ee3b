package contend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/internal/leaktest"
)

func TestMain(m *testing.M) {
	ServeChild(append(afflicted, halfGone)...)
	leaktest.Main(m)
}

// local is a lock for places many.
type local chan struct{}

func (l local) Lock(ctx context.Context) (func() error, error) {
	select {
	case l <- struct{}{}:
		return func() error { <-l; return nil }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

var short = Load{Goroutines: 4, Warmup: 10 * time.Millisecond, Window: 50 * time.Millisecond, Patience: time.Minute}

func TestRunCountsSectionsAndWaits(t *testing.T) {
	var result Result
	for result.Total() == 0 { // a busy machine may not get to it in so short a window
		var err error
		result, err = Run(make(local, 1), short)
		require.NoError(t, err)
	}
	require.Len(t, result.Sections, 4)
	require.GreaterOrEqual(t, len(result.Waits), result.Total(), "those that end after the window are waits, too")
	require.Zero(t, result.Stuck)
}

// counting counts its locks.
type counting struct {
	local
	locks *atomic.Int64
}

func (c counting) Lock(ctx context.Context) (func() error, error) {
	c.locks.Add(1)
	return c.local.Lock(ctx)
}

func TestRunForgetsTheWarmup(t *testing.T) {
	load := Load{Goroutines: 2, Held: time.Millisecond, Warmup: 100 * time.Millisecond, Window: 20 * time.Millisecond, Patience: time.Minute}
	var locks atomic.Int64
	result, err := Run(counting{make(local, 1), &locks}, load)
	require.NoError(t, err)
	require.Less(t, int64(len(result.Waits)), locks.Load()/2)
	require.Less(t, int64(result.Total()), locks.Load()/2)
}

// sharing lets any reader in, also beside writers.
type sharing struct{ local }

func (sharing) RLock(context.Context) (func() error, error) {
	return func() error { return nil }, nil
}

// truly is a lock that readers share, and nobody else.
type truly struct{ *sync.RWMutex }

func (l truly) Lock(context.Context) (func() error, error) {
	l.RWMutex.Lock()
	return func() error { l.RWMutex.Unlock(); return nil }, nil
}

func (l truly) RLock(context.Context) (func() error, error) {
	l.RWMutex.RLock()
	return func() error { l.RWMutex.RUnlock(); return nil }, nil
}

func TestRunLetsReadersShare(t *testing.T) {
	load := Load{Goroutines: 4, Reads: 80, Held: time.Millisecond, Window: 50 * time.Millisecond, Patience: time.Minute}
	result, err := Run(truly{new(sync.RWMutex)}, load)
	require.NoError(t, err)
	require.Positive(t, result.Reads)
	require.Less(t, result.Reads, result.Total())
	_, err = Run(sharing{make(local, 1)}, load)
	require.ErrorIs(t, err, errOverlap, "a reader beside a writer")
}

func TestRunSeesTwoSectionsAtOnce(t *testing.T) {
	_, err := Run(make(local, 2), Load{Goroutines: 4, Held: time.Millisecond, Window: 50 * time.Millisecond})
	require.ErrorIs(t, err, errOverlap)
}

// A wait that began long before the window and never ended is neither forgotten
// nor cut off at the window's end.
func TestRunNotesWaitsThatNeverEnd(t *testing.T) {
	taken := make(local, 1)
	taken <- struct{}{}
	load := Load{Goroutines: 2, Warmup: 20 * time.Millisecond, Window: 10 * time.Millisecond, Patience: 10 * time.Millisecond}
	result, err := Run(taken, load)
	require.NoError(t, err)
	require.Equal(t, 2, result.Stuck)
	require.Zero(t, result.Total())
	for _, wait := range result.Waits {
		require.GreaterOrEqual(t, time.Duration(wait), 40*time.Millisecond)
	}
	require.Len(t, result.Waits, 2)
}

// refusing fails at once.
type refusing struct{ error }

func (r refusing) Lock(context.Context) (func() error, error) { return nil, r.error }

func TestRunEndsAtAnError(t *testing.T) {
	refused := errors.New("refused")
	_, err := Run(refusing{refused}, short)
	require.ErrorIs(t, err, refused)
}

func TestHeldAndPausedMakeFewerSections(t *testing.T) {
	tight, err := Run(make(local, 1), short)
	require.NoError(t, err)
	slow := short
	slow.Held, slow.Pause = 2*time.Millisecond, time.Millisecond
	paused, err := Run(make(local, 1), slow)
	require.NoError(t, err)
	require.Less(t, paused.Total(), tight.Total())
	require.LessOrEqual(t, paused.Total(), int(slow.Window/slow.Held)+1)
}

// The counter is read when the window opens and when it closes.
func TestHereCountsInTheWindow(t *testing.T) {
	start := time.Now()
	var reads []time.Duration
	count := func() (int64, error) {
		reads = append(reads, time.Since(start))
		return int64(10 * len(reads)), nil
	}
	m, err := Here(make(local, 1), short, count)
	require.NoError(t, err)
	require.EqualValues(t, 10, m.Requests)
	require.Len(t, reads, 2)
	require.GreaterOrEqual(t, reads[0], short.Warmup)
	require.GreaterOrEqual(t, reads[1], short.Warmup+short.Window)
	require.Equal(t, m.Parties[0].Total(), m.Sections())
}

func TestHereReportsACounterThatFails(t *testing.T) {
	broken := errors.New("broken")
	_, err := Here(make(local, 1), short, func() (int64, error) { return 0, broken })
	require.ErrorIs(t, err, broken)
}

func TestThereRunsInProcesses(t *testing.T) {
	started, err := nodes.Start(1)
	require.NoError(t, err)
	defer nodes.StopAll(started)
	meter, err := nodes.NewMeter(started)
	require.NoError(t, err)
	defer func() { require.NoError(t, meter.Close()) }()

	load := short
	load.Window = 500 * time.Millisecond // for processes that are slow to begin
	m, err := There(2, contestants.Processes()[0], nodes.Addrs(started), "there", load, meter.Count)
	require.NoError(t, err)
	require.Len(t, m.Parties, 2)
	require.Positive(t, m.Sections())
	require.Positive(t, m.Requests, "they use the node")
	require.GreaterOrEqual(t, len(m.Waits()), m.Sections())
}

func TestThereSaysWhatAChildSaid(t *testing.T) {
	m, err := There(1, contestants.Contender{}, nil, "x", short, uncounted)
	require.NoError(t, err)
	require.Equal(t, `died: exit status 1: child: no contender is called ", "`, m.Failure)
}

func uncounted() (int64, error) { return 0, nil }

// afflicted are contenders whose processes connect well and then fail, as their notes say.
var afflicted = []contestants.Contender{
	afflict("waits for ever", func(string) { select {} }),
	afflict("stops", func(string) { _ = syscall.Kill(os.Getpid(), syscall.SIGSTOP) }),
	afflict("exits", func(string) { exit() }),
	afflict("exits without a word", func(string) { os.Exit(0) }),
	afflict("is killed", func(string) { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) }),
}

// halfGone is one process that exits, while the other one waits for ever.
var halfGone = afflict("one exits", func(name string) {
	if _, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL, 0o600); err == nil {
		exit()
	}
	select {}
})

func exit() {
	fmt.Fprint(os.Stderr, "on purpose\nand more")
	os.Exit(3)
}

func afflict(note string, fail func(name string)) contestants.Contender {
	return contestants.Contender{
		Contestant: contestants.Contestant{Note: note},
		Connect: func(_ []string, name string) (contestants.Party, error) {
			return &ailing{fail: func() { fail(name) }}, nil
		},
	}
}

// ailing gives its lock once.
type ailing struct {
	locks int
	fail  func()
}

func (a *ailing) Lock(context.Context) (func() error, error) {
	if a.locks++; a.locks > 1 {
		a.fail()
	}
	return func() error { return nil }, nil
}

func (*ailing) Close() error { return nil }

// What fails in a child is a result, whatever it is, and its process has an end.
func TestThereOutlivesItsChildren(t *testing.T) {
	for i, failure := range []string{"stuck", "stuck", "died: exit status 3: on purpose", "died: EOF", "died: EOF"} {
		limit := time.Hour
		if failure == "stuck" {
			limit = 2 * time.Second
		}
		setStartWithin(t, limit)
		requireFailure(t, failure, afflicted[i])
	}
}

// Nobody waits for the others when one has ended.
func TestThereEndsWithTheFirstThatFails(t *testing.T) {
	setStartWithin(t, time.Hour)
	requireFailure(t, "died: exit status 3: on purpose", halfGone)
}

func setStartWithin(t *testing.T, limit time.Duration) {
	t.Helper()
	before := startWithin
	startWithin = limit
	t.Cleanup(func() { startWithin = before })
}

func requireFailure(t *testing.T, failure string, who contestants.Contender) {
	t.Helper()
	load := Load{Goroutines: 1, Window: time.Millisecond}
	m, err := There(2, who, nil, filepath.Join(t.TempDir(), "first"), load, uncounted)
	require.NoError(t, err)
	require.Equal(t, Measured{Failure: failure}, m, who.Note)
	_, err = syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
	require.ErrorIs(t, err, syscall.ECHILD, "no process is left: %s", who.Note)
}

// A child whose parent has died before the start does not begin.
func TestChildNeedsItsParent(t *testing.T) {
	var output bytes.Buffer
	_, err := awaitStart(strings.NewReader(""), &output)
	require.ErrorIs(t, err, errNoParent)
	require.Equal(t, ready+"\n", output.String())
}

// A child stays until its parent has all results: an input's end would end the process.
func TestChildWaitsForASecondLine(t *testing.T) {
	input, lines := io.Pipe()
	go func() { _, _ = fmt.Fprintln(lines, "go") }()
	over, err := awaitStart(input, io.Discard)
	require.NoError(t, err)
	select {
	case <-over:
		t.Fatal("over after the first line")
	default:
	}
	_, err = fmt.Fprintln(lines, "end")
	require.NoError(t, err)
	<-over
}
