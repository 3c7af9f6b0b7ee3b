package scenarios

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// Renewals says how many holds are kept, and for how long.
type Renewals struct {
	Holds    int
	Window   time.Duration   // longer where an expiry is: see Renewals.window
	Expiries []time.Duration // of the holds; the first one with every client
}

// The bars.
const (
	maxRenewers  = 100  // goroutines above those of idle clients
	maxHoldBytes = 2048 // of heap for each hold
)

// Renewal keeps many holds alive on one node and on three, and counts what that
// takes.
func Renewal(scale Scale) (*report.Section, error) {
	section := renewalSection(scale)
	for _, n := range []int{1, 3} {
		for _, c := range scale.Renewals.cases() {
			kept, err := keepAlive(scale.Renewals, c, n)
			if err != nil {
				return nil, fmt.Errorf("renewal on %s, %s: %w", nodeCount(n), c.name(), err)
			}
			section.Tables[0].Table.Add(kept.row()...)
			section.Verdicts = append(section.Verdicts, kept.verdict())
		}
	}
	return section, nil
}

// renewalCase is a way in which holds are kept.
type renewalCase struct {
	client contestants.Client
	expiry time.Duration
}

func (r Renewals) cases() []renewalCase {
	var all []renewalCase
	for _, expiry := range r.Expiries {
		all = append(all, renewalCase{contestants.GoRedis, expiry})
	}
	return append(all, renewalCase{contestants.Redigo, r.Expiries[0]})
}

func (c renewalCase) name() string { return fmt.Sprintf("%s, expiry %s", c.client, c.expiry) }

// window is for how long holds are kept: so long at least that one which was not
// renewed has ended in it.
func (r Renewals) window(c renewalCase) time.Duration { return max(r.Window, c.expiry+c.expiry/4) }

func renewalSection(scale Scale) *report.Section {
	return &report.Section{
		Title: "Renewed holds",
		Text: fmt.Sprintf("One process locks %d mutexes of a factory with `WithAutoExtend`, keeps them for %s or a little "+
			"longer than their expiry, and unlocks. Goroutines are the most at any time, beyond those of the same clients "+
			"with nothing held. Bytes are what the heap has more of when the holds have been renewed for that long than "+
			"before they were taken: the hold and all that the engine keeps for it, without the user's mutex object, which "+
			"is given by itself. CPU time is the whole client process's, for one hold and one second of being kept.",
			scale.Renewals.Holds, scale.Renewals.Window),
		Tables: []report.Captioned{{
			Caption: "What renewed holds take:",
			Table: report.Table{Columns: []string{"", "kept for", "goroutines", "bytes a hold", "bytes a mutex", "lost",
				"client CPU / hold / s"}},
		}},
	}
}

// kept is what became of many holds, and what they took.
type kept struct {
	renewalCase
	nodes      int
	holds      int
	window     time.Duration
	goroutines int // most at any time, beyond those of idle clients
	holdBytes  float64
	mutexBytes float64
	lost       int
	cpu        float64 // in ns for one hold and one second
}

func (k kept) row() []string {
	return []string{
		nodeCount(k.nodes) + ", " + k.name(), k.window.String(), fmt.Sprint(k.goroutines),
		fmt.Sprintf("%.0f", k.holdBytes), fmt.Sprintf("%.0f", k.mutexBytes), fmt.Sprint(k.lost), report.Micros(k.cpu),
	}
}

func (k kept) verdict() report.Verdict {
	return report.Verdict{
		Bar: fmt.Sprintf("%s, %s: %d renewed holds need ≤ %d goroutines and ≤ %d bytes each, none is lost in %s",
			nodeCount(k.nodes), k.name(), k.holds, maxRenewers, maxHoldBytes, k.window),
		Measured: fmt.Sprintf("%d, %.0f, %d lost", k.goroutines, k.holdBytes, k.lost),
		Met:      k.goroutines <= maxRenewers && k.holdBytes <= maxHoldBytes && k.lost == 0,
	}
}

// keepAlive measures one case on n nodes.
func keepAlive(scale Renewals, c renewalCase, n int) (k kept, err error) {
	started, err := nodes.Start(n)
	if err != nil {
		return k, err
	}
	defer nodes.StopAll(started)
	locks, closeClients := contestants.Mutexes(c.client, nodes.Addrs(started))
	defer func() { err = errors.Join(err, closeClients()) }()

	// Clients, their connections and buffers are there before anything is counted.
	if err := newHolds(locks, "warm", scale.Holds, contestants.Expiry).once(); err != nil {
		return k, err
	}
	k = kept{renewalCase: c, nodes: n, holds: scale.Holds, window: scale.window(c)}
	idle, before := fewest(goneWithin/10), heap()
	all := newHolds(locks, "kept", scale.Holds, c.expiry)
	objects := heap()
	if err := all.lock(); err != nil {
		return k, err
	}
	if err := k.watch(idle); err != nil {
		return k, err
	}
	k.mutexBytes = perHold(before, objects, scale.Holds)
	k.holdBytes = perHold(objects, heap(), scale.Holds)
	k.lost = all.unlock()
	return k, nil
}

// watch lets the holds be renewed for the window, and counts goroutines and CPU time
// meanwhile.
func (k *kept) watch(idle int) error {
	cost, err := measure.Block(0, func() error {
		for end := time.Now().Add(k.window); time.Now().Before(end); time.Sleep(sampleEvery) {
			k.goroutines = max(k.goroutines, runtime.NumGoroutine()-idle)
		}
		return nil
	})
	k.cpu = cost.CPU / float64(k.holds) / k.window.Seconds()
	return err
}

// heapSamples is of how many looks at the heap the least counts: what is on its way
// for a moment, as a wave of renewals is, is not kept for a hold.
const heapSamples = 5

// heap is how many bytes are in use after garbage was collected.
func heap() uint64 {
	var memory runtime.MemStats
	least := ^uint64(0)
	for range heapSamples {
		runtime.GC()
		runtime.ReadMemStats(&memory)
		least = min(least, memory.HeapAlloc)
		time.Sleep(settled)
	}
	return least
}

func perHold(before, after uint64, holds int) float64 {
	return (float64(after) - float64(before)) / float64(holds)
}
