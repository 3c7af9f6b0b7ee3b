package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

const (
	// residueExpiry is long, so that a key that is left has not expired by the
	// time it is looked for.
	residueExpiry = 5 * time.Minute

	// residueWorkers share the pairs: a straggler needs a busy machine.
	residueWorkers = 8

	// stillFor is how long the number of keys must not change to be the residue.
	stillFor = 500 * time.Millisecond
)

// Residue counts the names that keep a key on some of five healthy nodes after
// every Lock and every Unlock has succeeded.
func Residue(scale Scale) (*report.Section, error) {
	started, err := nodes.Start(quorumNodes)
	if err != nil {
		return nil, err
	}
	defer nodes.StopAll(started)

	section := residueSection(scale)
	for _, q := range hasty() {
		left, err := residueOf(q, started, scale.Pairs)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.Name(), err)
		}
		share := 100 * float64(left) / float64(scale.Pairs)
		section.Tables[0].Table.Add(q.Name(), fmt.Sprint(left), fmt.Sprintf("%.2f %%", share))
		if q.Library == contestants.Holdfast {
			section.Verdicts = append(section.Verdicts, residueVerdict(q, scale.Pairs, left))
		}
	}
	return section, nil
}

// hasty are the contestants that decide before every node has answered.
func hasty() []contestants.Quorum {
	return slices.DeleteFunc(contestants.Quorums(), func(q contestants.Quorum) bool {
		return q.Library == contestants.Redsync
	})
}

func residueSection(scale Scale) *report.Section {
	return &report.Section{
		Title: "Keys left behind",
		Text: fmt.Sprintf("%d pairs of Lock and Unlock, each of a new name, by %d goroutines on five healthy nodes, all successful. "+
			"Counted are the names with a key on any node once the count stands still, long before the keys expire.",
			scale.Pairs, residueWorkers),
		Tables: []report.Captioned{{
			Caption: "Residue:",
			Table:   report.Table{Columns: []string{"", "names with a key left", "share"}},
		}},
	}
}

func residueVerdict(q contestants.Quorum, pairs, left int) report.Verdict {
	return report.Verdict{
		Bar:      fmt.Sprintf("%s: %d pairs on five healthy nodes leave no key", q.Client, pairs),
		Measured: fmt.Sprintf("%d names", left),
		Met:      left == 0,
	}
}

// residueOf returns how many names keep a key, and empties the nodes.
func residueOf(q contestants.Quorum, all []*nodes.Node, pairs int) (left int, err error) {
	locks := q.Connect(nodes.Addrs(all))
	defer func() { err = errors.Join(err, locks.Close()) }()
	if err := manyPairs(locks, pairs); err != nil {
		return 0, err
	}
	if left, err = awaitStill(all); err != nil {
		return 0, err
	}
	return left, healthy.end(all, 0)
}

// manyPairs locks and unlocks names 0 to pairs-1, once each.
func manyPairs(locks *contestants.Locks, pairs int) error {
	var next atomic.Int64
	failures := make([]error, residueWorkers)
	var working sync.WaitGroup
	for worker := range failures {
		working.Go(func() {
			for i := next.Add(1); i <= int64(pairs) && failures[worker] == nil; i = next.Add(1) {
				failures[worker] = onePair(locks, i)
			}
		})
	}
	working.Wait()
	return errors.Join(failures...)
}

func onePair(locks *contestants.Locks, i int64) error {
	m := locks.New(contestants.Hold{Name: fmt.Sprintf("bench:residue:%d", i), Expiry: residueExpiry})
	if err := m.Lock(); err != nil {
		return err
	}
	if ok, err := m.Unlock(); !ok {
		return errors.Join(errRefused, err)
	}
	return nil
}

// awaitStill returns the number of names with a key once it has not changed for
// a while.
func awaitStill(all []*nodes.Node) (int, error) {
	before, since := -1, time.Now()
	for {
		left, err := namesLeft(all)
		if err != nil {
			return 0, err
		}
		if left != before {
			before, since = left, time.Now()
		} else if time.Since(since) >= stillFor {
			return left, nil
		}
		time.Sleep(sampleEvery)
	}
}

// namesLeft counts the different keys on the nodes.
func namesLeft(all []*nodes.Node) (int, error) {
	names := make(map[string]bool)
	for _, node := range all {
		keys, err := node.Keys()
		if err != nil {
			return 0, err
		}
		for _, key := range keys {
			names[key] = true
		}
	}
	return len(names), nil
}
