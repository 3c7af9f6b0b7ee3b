package scenarios

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

const (
	loaders = 32 // goroutines that lock and unlock, each a name of its own

	// settled is how long a count of goroutines is watched for its minimum: what
	// is on its way to a healthy node ends meanwhile, what waits for a hung one
	// does not.
	settled = 50 * time.Millisecond

	// goneWithin is how long goroutines have to end once their node answers or
	// is cut.
	goneWithin = 10 * time.Second

	sampleEvery = 5 * time.Millisecond
)

// The bars. Holdfast promises about 16 calls to a node that does not answer, and
// a call may need more than one goroutine; those come on top of what the callers
// need themselves, which is one for each node and as much again for what they
// have just done.
const (
	maxBehindTwoNodes = 2 * 3 * 16
	maxUnderLoad      = 2*loaders*quorumNodes + maxBehindTwoNodes
)

// Goroutines counts how many of them pile up while two of five nodes hang under
// a steady load, and whether they go away.
func Goroutines(scale Scale) (*report.Section, error) {
	started, err := nodes.Start(quorumNodes)
	if err != nil {
		return nil, err
	}
	defer nodes.StopAll(started)

	section := goroutinesSection(scale)
	for _, q := range crowders() {
		c, err := countCrowd(scale, started, q)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.Name(), err)
		}
		section.Tables[0].Table.Add(c.row(q)...)
		if q.Library == contestants.Holdfast {
			section.Verdicts = append(section.Verdicts, c.verdicts(q)...)
		}
	}
	return section, nil
}

// crowders are the contestants that carry on when a node hangs. Of redsync only
// the one on go-redis: redigo's pool has no limit, and would open a connection
// for every call until the process has no files left.
func crowders() (found []contestants.Quorum) {
	for _, q := range contestants.Quorums() {
		if q.Library == contestants.Holdfast || q.Library == contestants.FailFast && q.Client == contestants.GoRedis {
			found = append(found, q)
		}
	}
	return found
}

// crowd is the numbers of goroutines beyond those of idle clients. They can be
// negative, when an idle client's goroutine has ended by itself.
type crowd struct {
	healthy  int // most, under load, all nodes healthy
	hung     int // most, under load, two nodes hung
	left     int // when the load has ended, two nodes hung
	answered int // after those answered
	cut      int // of another load like this, after those were killed
}

func countCrowd(scale Scale, all []*nodes.Node, q contestants.Quorum) (crowd, error) {
	besiege := func(c condition, relief func() error) (siege, error) {
		return besiege(q, all, c, scale.Load, relief)
	}
	well, err := besiege(healthy, func() error { return nil })
	if err != nil {
		return crowd{}, err
	}
	answered, err := besiege(twoHung, func() error { return twoHung.end(all, 0) })
	if err != nil {
		return crowd{}, err
	}
	cut, err := besiege(twoHung, func() error { _, err := twoKilled.begin(all, 0); return err })
	if err := errors.Join(err, twoKilled.end(all, 0)); err != nil {
		return crowd{}, err
	}
	return crowd{well.most, answered.most, answered.left, answered.after, cut.after}, nil
}

func (c crowd) row(q contestants.Quorum) []string {
	row := []string{q.Name()}
	for _, n := range []int{c.healthy, c.hung, c.left, c.answered, c.cut} {
		row = append(row, fmt.Sprint(max(0, n)))
	}
	return row
}

func (c crowd) verdicts(q contestants.Quorum) []report.Verdict {
	return []report.Verdict{{
		Bar: fmt.Sprintf("%s: goroutines behind two hung nodes are bounded (≤ %d under load, ≤ %d left by it)",
			q.Client, maxUnderLoad, maxBehindTwoNodes),
		Measured: fmt.Sprintf("%d and %d", c.hung, max(0, c.left)),
		Met:      c.hung <= maxUnderLoad && c.left <= maxBehindTwoNodes,
	}, {
		Bar:      fmt.Sprintf("%s: they are gone when the nodes answer, and when they are cut", q.Client),
		Measured: fmt.Sprintf("%d and %d left", max(0, c.answered), max(0, c.cut)),
		Met:      c.answered <= 0 && c.cut <= 0,
	}}
}

func goroutinesSection(scale Scale) *report.Section {
	return &report.Section{
		Title: "Goroutines behind hung nodes",
		Text: fmt.Sprintf("%d goroutines lock and unlock, each a name of its own, for %s. Counted are the goroutines of the process beyond the load's own and those of idle clients.",
			loaders, scale.Load),
		Tables: []report.Captioned{{
			Caption: "Five nodes:",
			Table: report.Table{Columns: []string{"", "most, all healthy", "most, two hung", "left when the load ends",
				"after the nodes answer", "after they are cut"}},
		}},
	}
}

// siege is what one load on nodes in a condition did: numbers of goroutines
// beyond those of idle clients.
type siege struct {
	most  int // under load
	left  int // when the load has ended
	after int // after the relief, once they ended or goneWithin was over
}

// besiege loads the nodes for d in a condition, then brings relief.
func besiege(q contestants.Quorum, all []*nodes.Node, c condition, d time.Duration, relief func() error) (s siege, err error) {
	locks := q.Connect(nodes.Addrs(all))
	defer func() { err = errors.Join(err, locks.Close()) }()
	if err := oneEach(locks); err != nil {
		return s, err
	}
	idle := fewest(settled)
	if _, err := c.begin(all, 0); err != nil {
		return s, err
	}
	most, err := load(locks, d, q.Library == contestants.Holdfast)
	s.most, s.left = most-idle, fewest(settled)-idle
	err = errors.Join(err, relief())
	s.after = awaitAtMost(idle, goneWithin) - idle
	return s, err
}

// oneEach makes the clients dial every node.
func oneEach(locks *contestants.Locks) error {
	m := locks.New(contestants.Hold{Name: freshName()})
	for _, op := range operations() {
		if err := op.run(m); err != nil {
			return err
		}
	}
	return nil
}

// load locks and unlocks from many goroutines for d, and returns the most
// goroutines at any time, without its own.
func load(locks *contestants.Locks, d time.Duration, reliable bool) (most int, err error) {
	failures := make([]error, loaders)
	deadline := time.Now().Add(d)
	var loading sync.WaitGroup
	for i := range loaders {
		loading.Go(func() { failures[i] = lockUntil(locks, deadline, reliable) })
	}
	for time.Now().Before(deadline) {
		most = max(most, runtime.NumGoroutine()-loaders)
		time.Sleep(sampleEvery)
	}
	loading.Wait()
	return most, errors.Join(failures...)
}

// lockUntil locks and unlocks until deadline. What Unlock says is ignored: with
// redsync's FailFast a straggler of the last pair can still stand in its way. So it can in the
// way of the next Lock, and the load goes on with another name unless that is a fault.
func lockUntil(locks *contestants.Locks, deadline time.Time, reliable bool) error {
	m := locks.New(contestants.Hold{Name: freshName()})
	for time.Now().Before(deadline) {
		err := m.Lock()
		switch {
		case err != nil && reliable:
			return err
		case err != nil:
			m = locks.New(contestants.Hold{Name: freshName()})
		default:
			_, _ = m.Unlock()
		}
	}
	return nil
}

var names atomic.Int64

// freshName is one on which nothing has been left.
func freshName() string { return fmt.Sprint("bench:goroutines:", names.Add(1)) }

// fewest is the smallest number of goroutines seen during d.
func fewest(d time.Duration) int {
	least := runtime.NumGoroutine()
	for deadline := time.Now().Add(d); time.Now().Before(deadline); time.Sleep(sampleEvery) {
		least = min(least, runtime.NumGoroutine())
	}
	return least
}

// awaitAtMost waits until there are at most want goroutines, or limit is over,
// and returns how many there are.
func awaitAtMost(want int, limit time.Duration) int {
	for deadline := time.Now().Add(limit); runtime.NumGoroutine() > want && time.Now().Before(deadline); {
		time.Sleep(sampleEvery)
	}
	return runtime.NumGoroutine()
}
