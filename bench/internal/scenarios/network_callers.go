package scenarios

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/plot"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// libraries are in the order of the table's columns.
var libraries = []contestants.Library{contestants.Holdfast, contestants.Floor, contestants.Redsync, contestants.Redislock}

// crowdOf has n callers take a free lock each, at the same time, and returns how long the
// last one took, how long each one took that got its lock, and how many have failed.
// Then they give them back.
func crowdOf(n int, take contestants.Taker) (took time.Duration, waits []float64, failed int64) {
	gives, waited := make([]func() error, n), make([]time.Duration, n)
	start := time.Now()
	together(n, func(i int) {
		if give, err := take(fmt.Sprint("bench:free:", i)); err == nil {
			gives[i], waited[i] = give, time.Since(start)
		}
	})
	took = time.Since(start)
	together(n, func(i int) {
		if gives[i] != nil {
			_ = gives[i]()
		}
	})
	for i := range n {
		if gives[i] != nil {
			waits = append(waits, float64(waited[i]))
		}
	}
	return took, waits, int64(n - len(waits))
}

func together(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// freeLocks is a lock that is free for each of many callers.
func (n *network) freeLocks() error {
	for _, c := range []struct {
		callers int
		trip    time.Duration
		ratio   float64
	}{
		{500, 50 * time.Millisecond, maxFarCrowd}, {1000, 50 * time.Millisecond, maxFarCrowd},
		{3000, 10 * time.Millisecond, maxFarCrowd}, {5000, 0, 1},
	} {
		for _, client := range contestants.FarClients() {
			if err := n.freeLocksBy(client, n.of(c.callers), c.trip, c.ratio); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *network) freeLocksBy(client contestants.FarClient, callers int, trip time.Duration, bar float64) error {
	p, err := far(trip)
	if err != nil {
		return err
	}
	defer p.end()
	took, waits, failed := make(map[contestants.Library][]float64), make(map[contestants.Library][]float64), make(map[contestants.Library]int64)
	conns := int64(0)
	for range n.Rounds {
		for _, who := range libraries {
			open := client.Takers[who]
			if open == nil {
				continue
			}
			made := p.connections()
			take, end := open(p.sites)
			d, waited, bad := crowdOf(callers, take)
			took[who], waits[who], failed[who] = append(took[who], float64(d)), append(waits[who], waited...), failed[who]+bad
			if who == contestants.Holdfast {
				conns = max(conns, p.connections()-made)
			}
			if err := errors.Join(end(), p.flush()); err != nil {
				return err
			}
		}
	}
	what := fmt.Sprintf("%d callers, a free lock each, %s, %s", callers, tripName(trip), client.Client)
	ratio := n.addCallers(what, took, failed)
	n.judge(what, fmt.Sprintf("none fails, in ≤ %g × the time of plain SET NX", bar),
		fmt.Sprintf("%d fail, %s", failed[contestants.Holdfast], report.Ratio(ratio)), failed[contestants.Holdfast] == 0 && ratio <= bar)
	if trip > 0 {
		n.judge(what+", connections", fmt.Sprintf("≤ %d", maxFarConns), fmt.Sprint(conns), conns <= maxFarConns)
	}
	if client.Client == contestants.GoRedis {
		n.section.Panels = append(n.section.Panels, callersPanel(what, waits, failed))
	}
	return nil
}

// callersPanel shows how long the callers waited for their free locks. The floor comes
// first, so that all look as in the other plot.
func callersPanel(what string, waits map[contestants.Library][]float64, failed map[contestants.Library]int64) plot.Panel {
	panel := plot.Panel{Title: what}
	for _, who := range []contestants.Library{contestants.Floor, contestants.Holdfast, contestants.Redsync, contestants.Redislock} {
		name := string(who)
		if who == contestants.Floor {
			name = "plain SET NX"
		}
		panel.Lines = append(panel.Lines, plot.Line{Name: name, Waits: waits[who], Failed: int(failed[who])})
	}
	return panel
}

func (p *place) connections() (made int64) {
	for _, proxy := range p.proxies {
		made += proxy.Connections()
	}
	return made
}

// addCallers adds a row of medians, and returns the median of the rounds' quotients.
func (n *network) addCallers(what string, took map[contestants.Library][]float64, failed map[contestants.Library]int64) float64 {
	row := []string{what}
	for _, who := range libraries {
		cell := report.Millis(medianRound(took[who]))
		if failed[who] > 0 {
			cell += fmt.Sprintf(", %d fail", failed[who])
		}
		row = append(row, cell)
	}
	ratio := roundQuotient(took[contestants.Holdfast], took[contestants.Floor])
	n.section.Tables[0].Table.Add(append(row, report.Ratio(ratio))...)
	return ratio
}

func medianRound(rounds []float64) float64 {
	if len(rounds) == 0 {
		return math.NaN()
	}
	return measure.Quantile(rounds, 0.5)
}

// roundQuotient is the median of the quotients of the same rounds.
func roundQuotient(a, b []float64) float64 {
	quotients := make([]float64, min(len(a), len(b)))
	for i := range quotients {
		quotients[i] = a[i] / b[i]
	}
	return medianRound(quotients)
}

func tripName(trip time.Duration) string {
	if trip == 0 {
		return "loopback"
	}
	return trip.String() + " away"
}

// loops is a few callers, each in a loop on locks of its own.
func (n *network) loops() error {
	for _, callers := range []int{5, 10, 20} {
		for _, client := range contestants.FarClients() {
			if err := n.loopsBy(client, callers, 50*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *network) loopsBy(client contestants.FarClient, callers int, trip time.Duration) error {
	p, err := far(trip)
	if err != nil {
		return err
	}
	defer p.end()
	median, high := make(map[contestants.Library][]float64), make(map[contestants.Library][]float64)
	failed := make(map[contestants.Library]int64)
	for range n.Rounds {
		for _, who := range libraries {
			open := client.Takers[who]
			if open == nil {
				continue
			}
			take, end := open(p.sites)
			_, _ = loop(take, callers, n.Loop/2) // which connects
			waits, bad := loop(take, callers, n.Loop)
			failed[who] += bad
			median[who] = append(median[who], measure.Quantile(waits, 0.5))
			high[who] = append(high[who], measure.Quantile(waits, 0.99))
			if err := errors.Join(end(), p.flush()); err != nil {
				return err
			}
		}
	}
	what := fmt.Sprintf("%d callers in loops, %s, %s", callers, tripName(trip), client.Client)
	middle := n.addCallers(what+", median", median, failed)
	top := n.addCallers(what+", 99th percentile", high, failed)
	n.judge(what, fmt.Sprintf("a Lock ≤ %.1f × SET NX, median and 99th percentile", maxFarLock),
		report.Ratio(middle)+" and "+report.Ratio(top), middle <= maxFarLock && top <= maxFarLock && failed[contestants.Holdfast] == 0)
	return nil
}

// loop has callers take and give back for a while, and returns how long each take took.
func loop(take contestants.Taker, callers int, d time.Duration) (waits []int64, failed int64) {
	var mu sync.Mutex
	end := time.Now().Add(d)
	together(callers, func(i int) {
		for visit := 0; visit == 0 || time.Now().Before(end); visit++ {
			start := time.Now()
			give, err := take(fmt.Sprintf("bench:loop:%d:%d", i, visit))
			took := time.Since(start)
			mu.Lock()
			if err != nil {
				failed++
			}
			waits = append(waits, took.Nanoseconds())
			mu.Unlock()
			if err == nil {
				_ = give()
			}
		}
	})
	return waits, failed
}

// firstLocks is the first Lock of new clients of a node that knows no script.
func (n *network) firstLocks() error {
	for _, c := range []struct{ trip, expiry time.Duration }{
		{60 * time.Millisecond, contestants.Expiry}, {120 * time.Millisecond, contestants.Expiry},
		{180 * time.Millisecond, contestants.Expiry}, {250 * time.Millisecond, contestants.Expiry},
		{20 * time.Millisecond, time.Second},
	} {
		for _, client := range contestants.FarClients() {
			if err := n.firstLocksBy(client, c.trip, c.expiry); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *network) firstLocksBy(client contestants.FarClient, trip, expiry time.Duration) error {
	p, err := far(trip)
	if err != nil {
		return err
	}
	defer p.end()
	var more []float64 // round trips
	failed := 0
	for range n.Rounds {
		start := time.Now()
		if err := client.Ping(p.sites[0]); err != nil {
			return err
		}
		ping := time.Since(start)
		took, err := firstLock(client, p, expiry)
		if err != nil {
			failed++
		}
		more = append(more, math.Round(float64(took-ping)/float64(trip)))
		if err := p.flush(); err != nil {
			return err
		}
	}
	n.judge(fmt.Sprintf("first Lock of new clients, %s, expiry %s, %s", tripName(trip), expiry, client.Client),
		fmt.Sprintf("≤ %d round trips more than the first PING", maxFarFirst),
		fmt.Sprintf("%g more, %d fail", medianRound(more), failed), failed == 0 && medianRound(more) <= maxFarFirst)
	return nil
}
