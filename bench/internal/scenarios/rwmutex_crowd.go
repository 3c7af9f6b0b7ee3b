package scenarios

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// crowdSize is how many goroutines read through one object.
const crowdSize = 1000

// raceCrowd lets a crowd read under the lock, and in turn under a sync.RWMutex of
// the process: what the lock adds to the sections themselves.
func raceCrowd(section *report.Section, scale Scale, started []*nodes.Node) error {
	p := newParty(nodes.Addrs(started))
	defer func() { _ = p.close() }()
	var local sync.RWMutex
	locally := func() error {
		local.RLock()
		defer local.RUnlock()
		return p.get()
	}
	remotely := func() error { return p.read(p.get) }
	var here, there, quotients, asked []float64
	for range scale.Readers.Rounds {
		own, err := repeatAtOnce(crowdSize, scale.Readers.Block, func(int) error { return locally() })
		if err != nil {
			return fmt.Errorf("sync: %w", err)
		}
		var lock tally
		requests, err := countRequests(started, func() (err error) {
			lock, err = repeatAtOnce(crowdSize, scale.Readers.Block, func(int) error { return remotely() })
			return err
		})
		if err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		here, there = append(here, own.rate()), append(there, lock.rate())
		quotients = append(quotients, lock.rate()/own.rate())
		asked = append(asked, requests/float64(lock.calls))
	}
	section.Tables[rwCrowd].Table.Add(nodeCount(len(started)), whole(here), whole(there),
		report.Ratio(measure.Quantile(quotients, 0.5)), fmt.Sprintf("%.4f", measure.Quantile(asked, 0.5)))
	return nil
}

// tally is how many calls were made, and how long it took until the last ended.
type tally struct {
	calls int
	took  time.Duration
}

func (t tally) rate() float64 { return float64(t.calls) / t.took.Seconds() }

// repeatAtOnce calls op in n goroutines again and again until d is over, at least
// once each, with the goroutine's number from 0. A goroutine ends with its first
// error.
func repeatAtOnce(n int, d time.Duration, op func(goroutine int) error) (tally, error) {
	counts, failures := make([]int, n), make([]error, n)
	start := time.Now()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for failures[i] == nil && (counts[i] == 0 || time.Since(start) < d) {
				failures[i] = op(i)
				counts[i]++
			}
		})
	}
	all.Wait()
	t := tally{took: time.Since(start)}
	for _, count := range counts {
		t.calls += count
	}
	return t, errors.Join(failures...)
}

// countRequests returns how many scripts the nodes were asked to run meanwhile.
func countRequests(all []*nodes.Node, meanwhile func() error) (requests float64, err error) {
	for _, node := range all {
		if _, err := node.Do("CONFIG", "RESETSTAT"); err != nil {
			return 0, err
		}
	}
	if err := meanwhile(); err != nil {
		return 0, err
	}
	for _, node := range all {
		reply, err := node.Do("INFO", "commandstats")
		if err != nil {
			return 0, err
		}
		requests += scriptCalls(fmt.Sprintf("%s", reply))
	}
	return requests, nil
}

var scriptCall = regexp.MustCompile(`(?m)^cmdstat_eval(?:sha)?:calls=(\d+)`)

// scriptCalls adds up the requests to run a script in the statistics of a node.
// What scripts call themselves is listed there under other names.
func scriptCalls(commandstats string) (calls float64) {
	for _, match := range scriptCall.FindAllStringSubmatch(commandstats, -1) {
		n, _ := strconv.Atoi(match[1]) // digits
		calls += float64(n)
	}
	return calls
}

// whole prints the median of some values as a whole number.
func whole(values []float64) string {
	return fmt.Sprintf("%d", int64(math.Round(measure.Quantile(values, 0.5))))
}
