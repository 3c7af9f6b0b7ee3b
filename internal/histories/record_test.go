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
	name   string
	limit  int  // of a semaphore
	fenced bool // writers have fencing tokens
	begun  time.Time

	mu    sync.Mutex
	holds int
	ops   []porcupine.Operation
	held  time.Duration // by all holders, up to their ends
}

// stay is one section, while it is written down.
type stay struct {
	number, client int
	kind           string
	slots          []int
	fence          int64
	got            time.Time // return of the acquire
	until          time.Time // up to when the holder may rely on its lease, as far as it knows
}

// begin notes an acquire that was called at called and returned at s.got.
func (r *record) begin(s *stay, called time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holds++
	s.number = r.holds
	r.enter(s, called)
}

// enter writes down that a section begins. It does so before the end of the validity that
// its holder was given, also if the process was slow to return. So a lease that was passed
// on too late leaves no time to begin in: its last holder ends at the end of the validity.
func (r *record) enter(s *stay, called time.Time) {
	last := s.until.Add(-1)
	o := r.op(s, begins)
	o.stale = last.Before(called)
	to := s.got
	if last.Before(to) {
		to = last
	}
	if o.stale {
		to = called
	}
	r.add(s, o, called, to)
}

// downgrade notes a Downgrade that was called at called and has returned just now.
func (r *record) downgrade(s *stay, called time.Time) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(s, r.op(s, downgrades), called, now)
	s.kind = "reader"
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
	r.add(s, r.op(s, ends), from, now)
}

func (r *record) op(s *stay, what step) op {
	return op{step: what, section: s.number, kind: s.kind, slots: s.slots, limit: r.limit, fenced: r.fenced, fence: s.fence}
}

// add writes an operation down. Those of one client follow each other; a section that
// ended before its acquire returned ends at that moment.
func (r *record) add(s *stay, o op, from, to time.Time) {
	r.ops = append(r.ops, porcupine.Operation{
		ClientId: s.client,
		Input:    o,
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
	if porcupine.CheckOperationsTimeout(model, r.ops, checkFor) == porcupine.Ok {
		return true
	}
	result, info := porcupine.CheckOperationsVerbose(model, r.ops, checkFor) // slower, for the picture
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
