package histories

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
)

// record is the history of one lock.
type record struct {
	name  string
	limit int // of a semaphore
	begun time.Time

	mu    sync.Mutex
	holds int
	ops   []porcupine.Operation
	held  time.Duration // by all holders, up to their ends
}

// stay is one hold, while it is written down.
type stay struct {
	number, client int
	kind           string
	slots          []int
	got            time.Time // return of the acquire
	until          time.Time // the end of the validity, as of the last extension
}

// begin notes an acquire that was called at called and has returned just now.
func (r *record) begin(client int, kind string, slots []int, called, until time.Time) *stay {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holds++
	s := &stay{r.holds, client, kind, slots, now, until}
	r.add(s, false, called, now)
	return s
}

// end notes that a release was called at called and has returned just now.
func (r *record) end(s *stay, called time.Time) {
	from := called
	if s.until.Before(from) {
		from = s.until
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held += max(0, from.Sub(s.got))
	r.add(s, true, from, now)
}

// add writes an operation down. Those of one client follow each other; a hold that
// ended before its acquire returned ends at that moment.
func (r *record) add(s *stay, ends bool, from, to time.Time) {
	r.ops = append(r.ops, porcupine.Operation{
		ClientId: s.client,
		Input:    op{ends, s.number, s.kind, s.slots, r.limit},
		Call:     from.Sub(r.begun).Nanoseconds(),
		Return:   to.Sub(r.begun).Nanoseconds(),
	})
}

// checkFor is how long the checker may look for an order.
const checkFor = 20 * time.Second

// check has porcupine look at the history. When there is no order it draws a picture.
func (r *record) check(t *testing.T) (ok bool) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	result, info := porcupine.CheckOperationsVerbose(model, r.ops, checkFor)
	if result == porcupine.Ok {
		return true
	}
	t.Errorf("%s: %d operations: %s; drawn in %s", r.name, len(r.ops), result, draw(t, r.name, info))
	return false
}

// draw writes the picture where it outlives the test: to HOLDFAST_ARTIFACTS, or to
// the directory for temporary files.
func draw(t *testing.T, name string, info porcupine.LinearizationInfo) string {
	t.Helper()
	dir := os.Getenv("HOLDFAST_ARTIFACTS")
	if dir == "" {
		dir = os.TempDir()
	}
	path := filepath.Join(dir, strings.NewReplacer("/", "-", ":", "-").Replace("holdfast-history-"+name)+".html")
	assert.NoError(t, porcupine.VisualizePath(model, info, path))
	return path
}
