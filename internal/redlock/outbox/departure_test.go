package outbox

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/holdfast-go/holdfast/driver"
)

// farTrip is the time to a far server and back, and jitter what may come on top of it.
const (
	farTrip = 50 * time.Millisecond
	jitter  = time.Millisecond

	// maxSteady and maxRise are how long a call may wait for a place in flight: while a
	// load lasts, and in the round trip in which half of the places were taken at once.
	maxSteady = farTrip/maxFlights + gatherTime + jitter
	maxRise   = farTrip/(maxFlights/2+1) + gatherTime + jitter
)

// loops is callers of a far server, each of which asks again as soon as it has its answer.
type loops struct {
	*world
	mu  sync.Mutex
	rnd *rand.Rand
}

func (l *loops) upTo(d time.Duration) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Duration(l.rnd.Int64N(int64(d) + 1))
}

// run has callers ask so many times each. They begin within a time, when the lane knows the
// round trip.
func (l *loops) run(callers, times int, within time.Duration) {
	l.delay = func([]*driver.Call) time.Duration { return farTrip + l.upTo(jitter) }
	l.post("warms up", bound(time.Second))
	time.Sleep(time.Second)
	var all sync.WaitGroup
	for c := range callers {
		all.Go(func() {
			time.Sleep(l.upTo(within))
			for i := range times {
				l.ask(fmt.Sprint(c, ".", i))
				time.Sleep(l.upTo(30 * time.Microsecond))
			}
		})
	}
	all.Wait()
}

func (l *loops) ask(name string) {
	answered := make(chan struct{})
	l.post(name, bound(time.Second), func(p *probe) { p.then = func() { close(answered) } })
	<-answered
}

// waits are how long the calls have waited that were posted from a moment on, in order.
func (w *world) waits(from time.Duration) (all []time.Duration) {
	for _, p := range w.probes {
		if p.posted.Sub(w.began) >= from {
			all = append(all, p.waited())
		}
	}
	slices.Sort(all)
	return all
}

// inLoops runs callers several times, with different phases each.
func inLoops(t *testing.T, kind func(*server) driver.Pool, callers int, run func(*loops)) {
	t.Helper()
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("%d callers, %d", callers, seed), func(t *testing.T) {
			within(t, kind, func(w *world) { run(&loops{world: w, rnd: rand.New(rand.NewPCG(seed, 50))}) })
		})
	}
}

// There are fewer places than callers. Where the flights of some begin at about the same
// time, so they land, again and again, and others would wait for most of a round trip.
func TestCallersInLoopsWaitForAShortTime(t *testing.T) {
	for _, callers := range []int{17, 20, 24, 40} {
		inLoops(t, ofMany, callers, func(l *loops) {
			l.run(callers, 40, farTrip)
			waits := l.waits(time.Second)
			assert.LessOrEqual(t, waits[len(waits)*99/100], maxSteady)
			assert.LessOrEqual(t, waits[len(waits)-1], maxRise)
		})
	}
}

func TestFewCallersInLoopsDoNotWait(t *testing.T) {
	for callers := 1; callers <= maxFlights/2; callers++ {
		inLoops(t, ofMany, callers, func(l *loops) {
			l.run(callers, 40, farTrip)
			waits := l.waits(0)
			assert.LessOrEqual(t, waits[len(waits)-1], gatherTime)
			assert.Zero(t, waits[len(waits)/2])
		})
	}
}

// Their flights become more with time, and must find connections.
func TestCallersInLoopsDoNotWaitForConnections(t *testing.T) {
	for _, callers := range []int{8, 12, 16, 20} {
		inLoops(t, ofDials, callers, func(l *loops) {
			l.dial = takes(3 * farTrip)
			l.run(callers, 60, 0)
			waits := l.waits(2 * time.Second)
			assert.LessOrEqual(t, waits[len(waits)-1], maxRise)
		})
	}
}

// rise has half of the places taken, a millisecond apart. The lane knows the last round trip.
func (w *world) rise() {
	for _, far := range []time.Duration{farTrip / 10, 10 * farTrip, farTrip} {
		w.change(func(f *faults) { f.delay = always(far) })
		w.post(fmt.Sprint("warms up", far), bound(time.Minute))
		time.Sleep(time.Second)
	}
	for i := range maxFlights / 2 {
		p := w.post(fmt.Sprint("rises", i), bound(time.Minute))
		time.Sleep(time.Millisecond)
		assert.Zero(w, p.waited(), "half of the flights leave at once")
	}
}

// stream posts a call after each gatherTime until a moment, and returns when they have begun to
// be sent, since the moment before.
func (w *world) stream(until time.Duration) (flights []time.Duration) {
	before := len(w.arrived())
	for w.since() < until {
		w.post(fmt.Sprint("n", w.since()), bound(time.Minute))
		time.Sleep(gatherTime)
	}
	for _, a := range w.arrived()[before:] {
		flights = append(flights, a.at.Sub(w.began))
	}
	return flights
}

func TestThePlacesThatAreLeftLastUntilTheFirstFlightLands(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.rise()
		rises := w.probes[len(w.probes)-maxFlights/2:]
		last, lands := rises[len(rises)-1].left(), rises[0].left()+farTrip
		flights := w.stream(lands)
		assert.Len(t, flights, maxFlights/2+1)
		for i, at := range flights {
			want := last + time.Duration(i+1)*(lands-last)/(maxFlights/2+1)
			assert.InDelta(t, want, at, float64(time.Microsecond))
		}
	})
}

// Those that follow would have no place until the others land.
func TestFlightsThatLandTogetherDoNotBeginTogether(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.rise()
		time.Sleep(farTrip / 2)
		w.stream(w.since() + farTrip/2)
		flights := w.stream(w.since() + 3*farTrip)
		for i, at := range flights[1:] {
			assert.InDelta(t, farTrip/maxFlights, at-flights[i], float64(gatherTime))
		}
	})
}

func TestACallThatKeepsToTheSpacingGoesAtOnce(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.rise()
		time.Sleep(farTrip / maxFlights)
		before := len(w.arrived())
		w.post("ninth")
		assert.Len(t, w.arrived(), before)
		time.Sleep(farTrip / maxFlights)
		assert.Len(t, w.arrived(), before+1)
		time.Sleep(w.probes[len(w.probes)-2].left() - 7*time.Millisecond + farTrip - w.since())
		synctest.Wait()
		w.post("after an answer to one")
		assert.Len(t, w.arrived(), before+2)
	})
}

// Flights that begin gatherTime apart would never take all places.
func TestNearFlightsKeepToNoSpacing(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always((maxFlights - 2) * gatherTime)
		w.post("warms up")
		time.Sleep(time.Second)
		for i := range 100 {
			w.post(fmt.Sprint("n", i))
			time.Sleep(gatherTime / 4)
		}
		requests := w.arrived()[3:]
		assert.Len(t, requests, 100/4-1)
		for i, a := range requests[1:] {
			assert.Equal(t, gatherTime, a.at.Sub(requests[i].at))
		}
	})
}

// What nothing can join would wait in vain.
func TestWhatNothingCanJoinKeepsToNoSpacing(t *testing.T) {
	for how, c := range map[string]struct {
		kind func(*server) driver.Pool
		post func(w *world)
	}{
		"a full batch":           {ofMany, func(w *world) { w.numbered("n", maxCalls, bound(time.Minute)) }},
		"a call that goes alone": {ofMany, func(w *world) { w.post("n", alone, bound(time.Minute)) }},
		"a call without batches": {ofOne, func(w *world) { w.post("n", bound(time.Minute)) }},
	} {
		t.Run(how, func(t *testing.T) {
			within(t, c.kind, func(w *world) {
				w.rise()
				c.post(w)
				synctest.Wait()
				assert.Zero(t, w.probes[len(w.probes)-1].waited())
			})
		})
	}
}

// Otherwise all but one of them would miss the flight.
func TestTheCallersOfABatchGoTogetherAgain(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(farTrip)
		w.begin("warms up")
		time.Sleep(2 * farTrip)
		w.begin("a", "b")
		batch := w.postAll("c d e")
		for i := range maxFlights {
			time.Sleep(farTrip / (maxFlights + 4))
			w.post(fmt.Sprint("n", i), bound(time.Minute))
		}
		time.Sleep(batch[0].left() + farTrip - w.since())
		assert.Equal(t, []string{"answered"}, batch[0].saw())
		again := w.postAll("c2", bound(time.Minute))
		time.Sleep(gatherTime / 2)
		again = append(again, w.postAll("d2 e2", bound(time.Minute))...)
		time.Sleep(gatherTime / 2)
		groups := w.groups()
		assert.Equal(t, "c2 d2 e2", groups[len(groups)-1])
		assert.Equal(t, gatherTime, again[0].waited())
		assert.GreaterOrEqual(t, strings.Count(strings.Join(groups, " "), "n"), maxFlights/2)
	})
}

// Each of them could hold up a call for a moment more, until the flights are few.
func TestBatchesThatLandOneAfterAnotherHoldUpACallForTheSpacing(t *testing.T) {
	const near = 5 * time.Millisecond
	within(t, ofMany, func(w *world) {
		w.delay = always(near)
		w.begin("warms up")
		time.Sleep(time.Second)
		w.begin("a", "b")
		began := w.since()
		quicker := func([]*driver.Call) time.Duration { return near - (w.since()-began)/10 }
		w.change(func(f *faults) { f.delay = quicker })
		for i := range maxFlights/2 - 2 {
			w.numbered(fmt.Sprint("batch", i, "."), 2, bound(time.Minute))
			time.Sleep(gatherTime)
		}
		w.change(func(f *faults) { f.delay = always(near) })
		w.stream(w.probes[3].left() + near - gatherTime)
		p := w.post("p", bound(time.Minute))
		time.Sleep(near)
		assert.LessOrEqual(t, p.waited(), near/maxFlights)
	})
}
