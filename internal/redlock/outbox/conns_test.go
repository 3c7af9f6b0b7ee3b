package outbox

import (
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
)

// takes has every dial last so long.
func takes(d time.Duration) func(string) (time.Duration, error) {
	return func(string) (time.Duration, error) { return d, nil }
}

// A dial takes several round trips, and a call's bound may be little more than one.
func TestACallWaitsForTheFirstConnectionForSeveralBounds(t *testing.T) {
	const dial = 790 * time.Millisecond
	firstCall := func(w *world, name string) {
		began, p := w.since(), w.post(name)
		time.Sleep(time.Second)
		assert.Equal(w, []string{"answered"}, p.saw())
		assert.Equal(w, began+dial, p.left())
		assert.False(w, w.box.Silent(&p.call))
	}
	within(t, ofDials, func(w *world) {
		w.box.Decides()
		w.dial = takes(dial)
		w.delay = always(90 * time.Millisecond)
		firstCall(w, "the very first")
		time.Sleep(2 * idleTime)
		firstCall(w, "after a pause")
		w.change(func(f *faults) { f.fault = func([]*driver.Call) error { return errReset } })
		w.post("breaks the connection")
		time.Sleep(time.Second)
		w.change(func(f *faults) { f.fault = nil })
		firstCall(w, "after a reset")
	})
}

// The others of a crowd are late, or given up, by their bounds from there on.
func TestWhatWaitedForTheFirstConnectionIsBoundedFromThere(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.box.Decides()
		w.hang()
		w.dial = takes(430 * time.Millisecond)
		w.postAll("a b", alone)
		time.Sleep(time.Second)
		assert.Equal(t, []string{"late"}, w.probes[0].saw()[:1])
		assert.Equal(t, 530*time.Millisecond, w.probes[0].at[0])
		assert.Equal(t, []string{"unsent"}, w.probes[1].saw())
		assert.Equal(t, 530*time.Millisecond, w.probes[1].when())
	})
}

// A host that answers nothing at all holds up the first calls only. The others have a bound.
func TestAServerThatCannotBeDialledIsWaitedForOnce(t *testing.T) {
	errTimeout := fmt.Errorf("fake: %w", os.ErrDeadlineExceeded)
	for how, c := range map[string]struct {
		dial  time.Duration
		first time.Duration // when the first call is given up
		cause error
	}{
		"before the dial gives up": {5 * time.Second, 800 * time.Millisecond, ErrSilent},
		"when the dial gives up":   {300 * time.Millisecond, 300 * time.Millisecond, errTimeout},
	} {
		t.Run(how, func(t *testing.T) {
			within(t, ofDials, func(w *world) {
				w.box.Decides()
				w.dial = func(string) (time.Duration, error) { return c.dial, errTimeout }
				first := w.post("first")
				time.Sleep(100 * time.Millisecond)
				short := w.post("short", bound(10*time.Millisecond))
				time.Sleep(time.Second)
				require.ErrorIs(t, first.cause(), c.cause)
				assert.Equal(t, c.first, first.when())
				assert.Equal(t, 110*time.Millisecond, short.when())
				assert.True(t, w.box.Silent(&first.call))
				next := w.post("next")
				time.Sleep(time.Second)
				require.ErrorIs(t, next.cause(), ErrSilent)
				assert.Equal(t, 1200*time.Millisecond, next.when(), "one bound")
				w.change(func(f *faults) { f.dial = nil })
				time.Sleep(5 * time.Second)
				assert.Equal(t, []string{"answered"}, w.post("last").saw())
				assert.False(t, w.box.Silent(&next.call))
			})
		})
	}
}

// A server that is down refuses connections, and is not silent.
func TestAServerThatRefusesConnectionsIsNotSilent(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.box.Decides()
		w.dial = func(string) (time.Duration, error) { return 90 * time.Millisecond, errRefused }
		for range 20 {
			p := w.post(fmt.Sprint(w.since()))
			time.Sleep(100 * time.Millisecond)
			require.ErrorIs(t, p.cause(), errRefused)
			assert.False(t, w.box.Silent(&p.call))
		}
		w.change(func(f *faults) { f.dial = takes(500 * time.Millisecond) })
		p := w.post("is up again")
		time.Sleep(time.Second)
		assert.Equal(t, []string{"answered"}, p.saw())
	})
}

func TestDialingGoesOnWhenTheCallHasGivenUp(t *testing.T) {
	for how, comes := range map[string]time.Duration{"waits for it": 950 * time.Millisecond, "finds it": 1100 * time.Millisecond} {
		t.Run(how, func(t *testing.T) {
			within(t, ofDials, func(w *world) {
				w.dial = takes(time.Second)
				first := w.post("first")
				time.Sleep(comes)
				require.ErrorIs(t, first.cause(), ErrSilent)
				assert.Equal(t, 100*time.Millisecond, first.when())
				next := w.post("next")
				time.Sleep(60 * time.Millisecond)
				assert.Equal(t, []string{"answered"}, next.saw())
				assert.Equal(t, max(comes, time.Second), next.left())
				assert.Equal(t, 1, w.dialed())
			})
		})
	}
}

// What is left of a crowd when the first connections are made has waited for long, and
// the server is well.
func TestANewConnectionIsASignOfLife(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.dial = takes(90 * time.Millisecond)
		w.delay = always(50 * time.Millisecond)
		w.numbered("n", 3*maxFlights, alone)
		time.Sleep(5 * time.Second)
		for _, p := range w.probes {
			assert.Equal(t, []string{"answered"}, p.saw())
		}
	})
}

// A host may accept connections for a server that hangs, or break them.
func TestNewConnectionsToAServerThatDoesNotAnswerAreNoSignOfLife(t *testing.T) {
	for how, faults := range map[string]faults{
		"hangs":  {obeys: true, delay: always(time.Hour)},
		"resets": {delay: always(60 * time.Millisecond), fault: func([]*driver.Call) error { return errReset }},
	} {
		t.Run(how, func(t *testing.T) {
			within(t, ofBoundedDials, func(w *world) {
				w.faults = faults
				w.numbered("n", 20*maxFlights, alone)
				time.Sleep(time.Second)
				unsent := 0
				for _, p := range w.probes {
					if p.saw()[0] == "unsent" {
						unsent++
					}
				}
				assert.Greater(t, unsent, 17*maxFlights)
			})
		})
	}
}

func TestACrowdHasConnectionsMadeForIt(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.dial = takes(50 * time.Millisecond)
		w.delay = always(50 * time.Millisecond)
		w.numbered("n", 3000)
		time.Sleep(110 * time.Millisecond)
		for _, p := range w.probes[:16*maxCalls] {
			assert.Equal(t, []string{"answered"}, p.saw(), "in a round trip of dialing, and one of asking")
		}
		time.Sleep(50 * time.Millisecond)
		for _, p := range w.probes {
			assert.Equal(t, []string{"answered"}, p.saw())
		}
		assert.Equal(t, maxFlights, w.dialed())
	})
}

func TestAConnectionIsReadyForEachOtherFlight(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.delay = always(farTrip)
		for i := range maxFlights {
			w.post(fmt.Sprint("n", i))
			time.Sleep(gatherTime)
			assert.Equal(t, min(maxFlights, 2*i+1), w.dialed(), "%d under way", i+1)
		}
	})
}

// Callers that come one by one find a connection each: for what comes while others are
// under way one is there already.
func TestConnectionsAreMadeAhead(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.dial = takes(30 * time.Millisecond)
		w.delay = always(20 * time.Millisecond)
		for i := range 10 {
			w.post(fmt.Sprint("lone", i))
			time.Sleep(60 * time.Millisecond)
		}
		assert.Equal(t, 1, w.dialed(), "a lone caller needs no other")
		for _, callers := range []int{2, 3, 5, 8, 16} {
			for range 4 {
				before := len(w.probes)
				for i := range callers {
					w.post(fmt.Sprint(callers, i, w.since()))
					time.Sleep(time.Millisecond)
				}
				time.Sleep(50 * time.Millisecond)
				for i, p := range w.probes[before:] {
					if callers > 2 && i < maxFlights/2 {
						assert.Zero(t, p.waited())
					}
				}
			}
		}
		assert.Equal(t, maxFlights, w.dialed())
	})
}

func TestNeverMoreConnectionsThanFlights(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.dial = takes(3 * time.Millisecond)
		w.delay = always(5 * time.Millisecond)
		w.fault = func(calls []*driver.Call) error {
			if len(name(calls[0]))%2 == 0 {
				return errReset
			}
			return nil
		}
		for range 300 {
			w.numbered(fmt.Sprint(len(w.probes), "."), 40)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Second)
		assert.Greater(t, w.dialed(), maxFlights, "broken ones were replaced")
		assert.LessOrEqual(t, w.maxOpen, maxFlights)
	})
}

func TestACallIsNotSentIfNoConnectionCanBeMade(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.dial = func(string) (time.Duration, error) { return time.Millisecond, errRefused }
		for i := range 3 {
			p := w.post(fmt.Sprint(i))
			time.Sleep(2 * time.Millisecond)
			assert.Equal(t, []string{"unsent"}, p.saw())
			require.ErrorIs(t, p.cause(), errRefused)
			assert.Equal(t, w.since()-time.Millisecond, p.when(), "at once")
		}
		assert.Equal(t, 3, w.dialed())
	})
}

func TestACrowdIsNotSentIfNoConnectionCanBeMade(t *testing.T) {
	within(t, ofDials, func(w *world) {
		var n atomic.Int64
		w.dial = func(string) (time.Duration, error) {
			return time.Duration(n.Add(1)) * time.Millisecond, errRefused
		}
		w.numbered("n", 4*dialPer)
		time.Sleep(20 * time.Millisecond)
		for _, p := range w.probes {
			require.ErrorIs(t, p.cause(), errRefused)
		}
		assert.Equal(t, 5, w.dialed(), "as many as were begun together, and no more")
	})
}

func TestRefusedConnectionsAreNotTriedForWithoutAPause(t *testing.T) {
	within(t, ofDials, func(w *world) {
		first := w.post("first")
		assert.Equal(t, []string{"answered"}, first.saw())
		end := w.hang()
		w.post("keeps the one connection", bound(time.Minute))
		synctest.Wait()
		w.change(func(f *faults) { f.dial = func(string) (time.Duration, error) { return 0, errRefused } })
		before := w.dialed()
		p := w.post("waits", bound(time.Second))
		time.Sleep(550 * time.Millisecond)
		assert.Empty(t, p.saw(), "the other connection may come back")
		assert.InDelta(t, 6, w.dialed()-before, 1, "tries for another")
		synctest.Wait()
		w.change(func(f *faults) { f.dial = nil })
		time.Sleep(100 * time.Millisecond)
		require.Len(t, w.arrived(), 3, "and finds one")
		end()
	})
}

func TestAClosedConnectionThatWasKeptCostsAnotherOne(t *testing.T) {
	within(t, ofDials, func(w *world) {
		first := w.post("first")
		assert.Equal(t, []string{"answered"}, first.saw())
		time.Sleep(time.Second)
		w.expire()
		p := w.post("a")
		assert.Equal(t, []string{"answered"}, p.saw())
		require.NoError(t, p.cause())
		assert.Equal(t, 2, w.dialed())
		assert.Equal(t, 1, w.runs["a"])
	})
}

func TestABatchThatFindsItsConnectionClosedIsSentOnce(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.dial = takes(time.Millisecond)
		w.delay = always(10 * time.Millisecond)
		w.numbered("first", 70)
		time.Sleep(50 * time.Millisecond)
		require.Greater(t, w.dialed(), 2)
		w.expire()
		w.postAll("a b c d e f g")
		time.Sleep(50 * time.Millisecond)
		for _, p := range w.probes[70:] {
			assert.Equal(t, []string{"answered"}, p.saw())
			require.NoError(t, p.cause())
		}
	})
}

func TestABatchThatFindsItsConnectionClosedKeepsItsOrder(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.post("first")
		time.Sleep(time.Second)
		w.expire()
		w.change(func(f *faults) { f.dial = takes(10 * time.Millisecond) })
		w.postAll("a b c", mayWait)
		time.Sleep(50 * time.Millisecond)
		assert.Equal(t, []string{"first", "a b c"}, w.groups())
	})
}

func TestAskThatFindsItsConnectionClosedWaitsForAnother(t *testing.T) {
	within(t, ofBoundedDials, func(w *world) {
		w.post("first")
		time.Sleep(time.Second)
		w.expire()
		w.change(func(f *faults) { f.dial = takes(10 * time.Millisecond) })
		p := w.plan("a")
		assert.False(t, w.box.Ask(&p.Request))
		time.Sleep(20 * time.Millisecond)
		assert.Equal(t, []string{"answered"}, p.saw())
	})
}

// A call whose caller leaves while it is being sent is behind all others if it was not.
func TestWhatWasLeftInVainWaitsBehindOthers(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.post("first")
		time.Sleep(time.Second)
		w.expire()
		w.change(func(f *faults) { f.dial = takes(10 * time.Millisecond) })
		p := w.plan("p")
		w.box.Post(&p.Request)
		w.box.Leave(&p.Request)
		w.post("look", class(Looks))
		time.Sleep(20 * time.Millisecond)
		assert.Equal(t, []string{"first", "look p"}, w.groups())
	})
}

// Otherwise a host that accepts connections and closes them would be asked without end.
func TestANewConnectionThatIsClosedCostsNoOther(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.fault = func([]*driver.Call) error { return fmt.Errorf("fake: %w", driver.ErrNotSent) }
		p := w.post("a")
		assert.Equal(t, []string{"unsent"}, p.saw())
		require.ErrorIs(t, p.cause(), driver.ErrNotSent)
		assert.Equal(t, 1, w.dialed())
	})
}

// A connection that was made for a call that gave up may have been closed since.
func TestANewConnectionThatWasNotUsedWasKept(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.dial = takes(200 * time.Millisecond)
		w.post("gives up")
		time.Sleep(time.Second)
		w.expire()
		p := w.post("a", bound(time.Second))
		time.Sleep(300 * time.Millisecond)
		assert.Equal(t, []string{"answered"}, p.saw())
	})
}

// The driver waits for long, and then finds that it cannot even send.
func TestALateCallThatWasNotSentIsReportedSo(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.post("first")
		time.Sleep(time.Second)
		w.change(func(f *faults) { f.delay = always(150 * time.Millisecond) })
		w.change(func(f *faults) {
			f.fault = func([]*driver.Call) error { return fmt.Errorf("fake: %w", driver.ErrNotSent) }
		})
		p := w.post("a")
		time.Sleep(200 * time.Millisecond)
		assert.Equal(t, []string{"late", "unsent"}, p.saw())
		assert.Equal(t, 1, w.dialed())
	})
}

func TestABrokenConnectionIsClosedAndNotUsedAgain(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.fault = func([]*driver.Call) error { return errReset }
		p := w.post("a")
		require.ErrorIs(t, p.cause(), errReset)
		w.mu.Lock()
		assert.Equal(t, 1, w.conns[0].closes)
		w.mu.Unlock()
		w.change(func(f *faults) { f.fault = func([]*driver.Call) error { return &driver.ReplyError{Err: errReset} } })
		w.post("b")
		synctest.Wait()
		w.post("c")
		synctest.Wait()
		assert.Equal(t, 1, w.arrived()[1].conn)
		assert.Equal(t, 1, w.arrived()[2].conn, "what the server has said does not break a connection")
	})
}

func TestConnectionsThatAreNotUsedAreClosed(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		w.numbered("n", 100)
		time.Sleep(time.Second)
		before := w.dialed()
		require.Greater(t, before, 1)
		for range 7 {
			time.Sleep(idleTime / 3)
			w.post(fmt.Sprint("used ", w.since()))
		}
		time.Sleep(time.Second)
		w.mu.Lock()
		assert.Equal(t, 1, w.open(), "the one that is used")
		w.mu.Unlock()
		time.Sleep(idleTime)
		w.mu.Lock()
		assert.Zero(t, w.open())
		w.mu.Unlock()
		assert.Equal(t, before, w.dialed())
	})
}

func TestAConnectionThatWasHungIsClosedWhenItIsNotUsed(t *testing.T) {
	within(t, ofDials, func(w *world) {
		end := w.hang()
		w.post("a")
		time.Sleep(300 * time.Millisecond)
		end()
		synctest.Wait()
		time.Sleep(idleTime)
		synctest.Wait()
		w.mu.Lock()
		assert.Zero(t, w.open())
		w.mu.Unlock()
	})
}

func TestADriverThatNeverReturnsLosesItsConnection(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.hang()
		w.occupy()
		time.Sleep(300 * time.Millisecond)
		w.mu.Lock()
		assert.Equal(t, maxFlights, w.open(), "late answers are still waited for")
		w.hung = nil
		w.mu.Unlock()
		time.Sleep(200 * time.Millisecond)
		for _, p := range w.probes {
			assert.Equal(t, []string{"late", "answered"}, p.saw())
			require.ErrorIs(t, p.cause(), errReset)
		}
		p := w.post("the server is well again")
		assert.Equal(t, []string{"answered"}, p.saw())
		require.NoError(t, p.cause())
	})
}
