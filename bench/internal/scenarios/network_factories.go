package scenarios

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/semaphore"
)

func firstLock(client contestants.FarClient, p *place, expiry time.Duration) (time.Duration, error) {
	pools, end := client.Pools(p.sites)
	m := mutex.New(pools...).NewMutex("bench:first", mutex.WithExpiry(expiry))
	start := time.Now()
	err := m.Lock()
	took := time.Since(start)
	_, _ = m.Unlock()
	return took, errors.Join(err, end())
}

// onPlace runs a step with each client on nodes of its own.
func onPlace(trips []time.Duration, do func(contestants.FarClient, *place) error) error {
	for _, client := range contestants.FarClients() {
		p, err := far(trips...)
		if err != nil {
			return err
		}
		err = do(client, p)
		p.end()
		if err != nil {
			return err
		}
	}
	return nil
}

// acquires is many Acquires of permits that are free, by one object.
func (n *network) acquires() error {
	const trip = 50 * time.Millisecond
	return onPlace([]time.Duration{trip}, func(client contestants.FarClient, p *place) error {
		pools, end := client.Pools(p.sites)
		callers := n.of(1000)
		s := semaphore.New(pools...).NewSemaphore("bench:permits", 100*callers)
		together(16, func(int) { acquireAndRelease(s) }) // which connects
		var failed atomic.Int64
		permits := make([]*semaphore.Permit, callers)
		start := time.Now()
		together(callers, func(i int) {
			permit, err := s.Acquire()
			if err != nil {
				failed.Add(1)
			}
			permits[i] = permit
		})
		trips := math.Round(10*float64(time.Since(start))/float64(trip)) / 10
		together(callers, func(i int) {
			if permits[i] != nil {
				_, _ = permits[i].Release()
			}
		})
		n.judge(fmt.Sprintf("%d Acquires by one object, %s, %s", callers, tripName(trip), client.Client),
			fmt.Sprintf("none fails, ≤ %d round trips in all", maxFarAcquires),
			fmt.Sprintf("%d fail, %g round trips", failed.Load(), trips), failed.Load() == 0 && trips <= maxFarAcquires)
		return end()
	})
}

func acquireAndRelease(s *semaphore.Semaphore) {
	if permit, err := s.Acquire(); err == nil {
		_, _ = permit.Release()
	}
}

// tries is goroutines that try while nearly all permits are free.
func (n *network) tries() error {
	const trip, goroutines, limit = 2 * time.Millisecond, 20, 1000
	for _, trips := range [][]time.Duration{{trip}, {trip, trip, trip}} {
		if err := onPlace(trips, func(client contestants.FarClient, p *place) error {
			pools, end := client.Pools(p.sites)
			s := semaphore.New(pools...).NewSemaphore("bench:tries", limit)
			together(goroutines, func(int) { acquireAndRelease(s) })
			var made, refused atomic.Int64
			stop := time.Now().Add(n.Loop)
			together(goroutines, func(int) {
				for time.Now().Before(stop) {
					made.Add(1)
					permit, err := s.TryAcquire()
					if err != nil {
						refused.Add(1)
						continue
					}
					_, _ = permit.Release()
				}
			})
			share := float64(refused.Load()) / float64(made.Load())
			n.judge(fmt.Sprintf("TryAcquire by %d goroutines, %d permits, %s, %s, %s", goroutines, limit, nodeCount(len(trips)), tripName(trip), client.Client),
				fmt.Sprintf("< %g %% refused", 100*maxFarRefused), fmt.Sprintf("%.2f %% of %d", 100*share, made.Load()), share < maxFarRefused)
			return end()
		}); err != nil {
			return err
		}
	}
	return nil
}

// bursts is locks a second in bursts, over two near nodes and a far one.
func (n *network) bursts() error {
	trips := []time.Duration{time.Millisecond, time.Millisecond, 30 * time.Millisecond}
	for _, c := range []struct{ rate, burst int }{{600, 20}, {600, 100}, {3000, 20}, {3000, 100}} {
		if err := onPlace(trips, func(client contestants.FarClient, p *place) error {
			pools, end := client.Pools(p.sites)
			made, there, err := bursts(mutex.New(pools...), p.nodes[2], c.rate, c.burst, n.Hold)
			share := float64(there) / float64(made)
			n.judge(fmt.Sprintf("3 nodes 1, 1 and 30 ms away, %d locks/s by %d, %s", c.rate, c.burst, client.Client),
				fmt.Sprintf("≥ %g %% reach the far node", 100*minFarReached), fmt.Sprintf("%.1f %% of %d", 100*share, made), share >= minFarReached)
			return errors.Join(err, end())
		}); err != nil {
			return err
		}
	}
	return nil
}

// bursts takes locks for a while, holds each burst for a second, and counts those that
// the far node has at the end of that.
func bursts(locks *mutex.Factory, node *nodes.Node, rate, burst int, d time.Duration) (made, there int64, err error) {
	type bunch struct {
		locks []*mutex.Mutex
		names []any
		at    time.Time
	}
	held, counted := make(chan bunch, rate), make(chan error, 1)
	go func() {
		var err error
		for b := range held {
			time.Sleep(time.Until(b.at.Add(time.Second)))
			reply, e := node.Do("EXISTS", b.names...)
			if e == nil {
				there += reply.(int64)
			}
			err = errors.Join(err, e)
			go together(len(b.locks), func(i int) { _, _ = b.locks[i].Unlock() })
		}
		counted <- err
	}()
	pause := time.Duration(burst) * time.Second / time.Duration(rate)
	next := time.Now()
	for end := next.Add(d); next.Before(end); next = next.Add(pause) {
		time.Sleep(time.Until(next))
		b := bunch{at: time.Now()}
		for i := range burst {
			name := fmt.Sprintf("bench:burst:%d:%d", made, i)
			b.names = append(b.names, name)
			b.locks = append(b.locks, locks.NewMutex(name))
		}
		made += int64(burst)
		var failed atomic.Int64
		go func() {
			together(burst, func(i int) {
				if b.locks[i].Lock() != nil {
					failed.Add(1)
				}
			})
		}()
		held <- b
	}
	close(held)
	err = <-counted
	time.Sleep(200 * time.Millisecond) // for the last ones to be given back
	return made, there, err
}

// waiters is many of them, each of a name of its own, in one process.
func (n *network) waiters() error {
	return onPlace([]time.Duration{0}, func(client contestants.FarClient, p *place) error {
		theirs, endTheirs := client.Pools(p.sites)
		ours, endOurs := client.Pools(p.sites)
		count := n.of(10_000)
		ours, sent := countSent(ours)
		holder, waiting := mutex.New(theirs...), mutex.New(ours...)
		together(count, func(i int) {
			_ = holder.NewMutex(fmt.Sprint("bench:wait:", i), mutex.WithExpiry(residueExpiry)).Lock()
		})
		ctx, cancel := context.WithCancel(context.Background())
		var over atomic.Int64
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			together(count, func(i int) {
				if waiting.NewMutex(fmt.Sprint("bench:wait:", i), mutex.WithUnlimitedTries()).LockContext(ctx) == nil {
					over.Add(1)
				}
			})
		}()
		time.Sleep(n.Hold) // until all wait
		got, err := p.load(n.Hold, sent)
		cancel()
		<-ended
		n.judge(fmt.Sprintf("%d waiters of as many names, 1 node, %s", count, client.Client),
			fmt.Sprintf("≤ %d requests/s, ≤ %g %% of a core of the server", maxWaiterRate, 100*maxWaiterCPU),
			fmt.Sprintf("%.0f (%.0f reads of its sockets), %.0f %%", got.requests, got.reads, 100*got.cpu),
			got.requests <= maxWaiterRate && got.cpu <= maxWaiterCPU && over.Load() == 0)
		return errors.Join(err, endTheirs(), endOurs())
	})
}

// traffic is what the only node gets in a second: requests, and in how many goes it reads
// them; and how much of a core it uses.
type traffic struct{ requests, reads, cpu float64 }

// load measures for a while.
func (p *place) load(d time.Duration, sent *atomic.Int64) (got traffic, err error) {
	meter, err := nodes.NewMeter(p.nodes)
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, meter.Close()) }()
	total := func() (traffic, error) {
		reads, err := meter.Count()
		used, failed := serverCPU(p.nodes[0])
		return traffic{float64(sent.Load()), float64(reads), used}, errors.Join(err, failed)
	}
	before, err := total()
	if err != nil {
		return got, err
	}
	start := time.Now()
	time.Sleep(d)
	after, err := total()
	s := time.Since(start).Seconds()
	return traffic{(after.requests - before.requests) / s, (after.reads - before.reads) / s, (after.cpu - before.cpu) / s}, err
}

// serverCPU is the user and system time of a node, in seconds.
func serverCPU(node *nodes.Node) (seconds float64, err error) {
	reply, err := node.Do("INFO", "cpu")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(reply.([]byte))) {
		field, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if field == "used_cpu_user" || field == "used_cpu_sys" {
			s, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0, err
			}
			seconds += s
		}
	}
	return seconds, nil
}

// renewals is many renewed leases of many kinds of expiry.
func (n *network) renewals() error {
	const trip, kinds = 20 * time.Millisecond, 1000
	return onPlace([]time.Duration{trip}, func(client contestants.FarClient, p *place) error {
		pools, end := client.Pools(p.sites)
		locks, count := mutex.New(pools...), n.of(2000)
		all := make([]*mutex.Mutex, count)
		var lost atomic.Int64
		together(count, func(i int) {
			expiry := 4*time.Second + time.Duration(i%kinds)*2*time.Second/kinds
			all[i] = locks.NewMutex(fmt.Sprint("bench:kept:", i), mutex.WithExpiry(expiry), mutex.WithAutoExtend())
			if all[i].Lock() != nil {
				lost.Add(1)
			}
		})
		kept := max(n.Hold*12, 7*time.Second)
		time.Sleep(kept)
		together(count, func(i int) {
			select {
			case <-all[i].Lost():
				lost.Add(1)
			default:
			}
			_, _ = all[i].Unlock()
		})
		n.judge(fmt.Sprintf("%d renewed leases, 1,000 kinds of expiry, %s, %s", count, tripName(trip), client.Client),
			"none is lost", fmt.Sprintf("%d lost in %s", lost.Load(), kept), lost.Load() == 0)
		return end()
	})
}

// rates is pairs of goroutines on loopback, by the bare commands through the client's
// pool on one node, and by redsync's on three.
func (n *network) rates() error {
	for _, c := range []struct {
		nodes int
		peer  contestants.Library
	}{{1, contestants.Floor}, {3, contestants.Redsync}} {
		for _, goroutines := range []int{64, 512} {
			if err := onPlace(make([]time.Duration, c.nodes), func(client contestants.FarClient, p *place) error {
				return n.ratesBy(client, p, goroutines, c.peer)
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *network) ratesBy(client contestants.FarClient, p *place, goroutines int, peer contestants.Library) error {
	rates := make(map[contestants.Library][]float64)
	failed := make(map[contestants.Library]int64)
	for range n.Rounds {
		for _, who := range []contestants.Library{contestants.Holdfast, peer} {
			take, end := client.Takers[who](p.sites)
			_, _, _ = crowdOf(goroutines, take)
			start := time.Now()
			waits, bad := loop(take, goroutines, n.Block)
			rates[who] = append(rates[who], float64(int64(len(waits))-bad)/time.Since(start).Seconds())
			failed[who] += bad
			if err := end(); err != nil {
				return err
			}
		}
	}
	ratio := roundQuotient(rates[contestants.Holdfast], rates[peer])
	n.judge(fmt.Sprintf("%d goroutines, a free lock each, %s, loopback, %s", goroutines, nodeCount(len(p.nodes)), client.Client),
		fmt.Sprintf("≥ %d × the locks/s of %s", minNearRate, peer),
		fmt.Sprintf("%s (%.0f/s), %d fail", report.Ratio(ratio), medianRound(rates[contestants.Holdfast]), failed[contestants.Holdfast]),
		ratio >= minNearRate && failed[contestants.Holdfast] == 0)
	return nil
}
