package outbox

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
)

func TestACallGoesAtOnceWhileFewAreInFlight(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(20 * time.Millisecond)
		w.begin("a", "b")
		a, b, c := w.probes[0], w.probes[1], w.post("c")
		require.Equal(t, []string{"answered"}, c.sawAfter(30*time.Millisecond))
		assert.Equal(t, []string{"a", "b", "c"}, w.groups())
		assert.Zero(t, a.left())
		assert.Zero(t, b.left())
		assert.Equal(t, gatherTime, c.left(), "the third leaves without an answer, when others have had the time to join it")
		assert.Equal(t, 20*time.Millisecond, a.when())
		assert.Equal(t, "a", a.reply)
	})
}

func TestACallThatComesAfterTheGatherTimeGoesAtOnce(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(20 * time.Millisecond)
		w.begin("a", "b")
		time.Sleep(time.Millisecond)
		c := w.post("c")
		synctest.Wait()
		assert.Equal(t, time.Millisecond, c.left())
	})
}

func TestWhatWaitsGoesAsOneBatch(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(time.Millisecond)
		w.begin("a", "b")
		w.postAll("c d e f")
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, []string{"a", "b", "c d e f"}, w.groups())
		for _, p := range w.probes {
			assert.Equal(t, name(&p.call), p.reply)
		}
	})
}

func TestADriverWithoutBatchesIsAskedOneByOne(t *testing.T) {
	within(t, ofOne, func(w *world) {
		w.delay = always(time.Millisecond)
		w.begin("a", "b")
		w.postAll("c d e f")
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, []string{"a", "b", "c", "d", "e", "f"}, w.groups())
	})
}

func TestABatchHasAtMost128Calls(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(50 * time.Millisecond)
		all := w.numbered("n", 2+300)
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, []int{1, 1, 128, 128, 44}, w.sizes())
		assert.Equal(t, 3*gatherTime, all[301].left(), "what did not fit goes on without an answer, too")
	})
}

func TestABatchHasAtMost64KiB(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(time.Millisecond)
		w.begin("a", "b")
		w.postAll("c d e f", bytes(20<<10))
		w.postAll("g", bytes(100<<10))
		w.postAll("h i")
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, []string{"a", "b", "c d e", "f", "g", "h i"}, w.groups())
	})
}

func TestNoBatchHasTwoCallsOfOneToken(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		w.begin("a", "b")
		w.postAll("c d e", token("one"))
		w.postAll("f g h")
		w.postAll("i", token("two"))
		w.postAll("j", token("two"))
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, []string{"a", "b", "c f g h i", "d j", "e"}, w.groups())
	})
}

func TestWhatMustGoAloneDoes(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		w.begin("a", "b")
		w.postAll("c")
		w.postAll("d", alone)
		w.postAll("e f")
		w.postAll("g", alone)
		w.postAll("h")
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, []string{"a", "b", "c e f h", "d", "g"}, w.groups())
	})
}

func TestNothingJoinsWhatMustGoAlone(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		w.begin("a", "b")
		w.post("c", alone)
		w.postAll("d e")
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, []string{"a", "b", "c", "d e"}, w.groups())
	})
}

func TestWhatMustGoAloneIsNotHeldUpByOthers(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(time.Millisecond)
		w.numbered("first", 3, class(Urgent))
		waits := w.post("waits", alone)
		left := w.post("left", alone, class(Left))
		for i := range 100 {
			w.numbered(fmt.Sprint("urgent", i, "."), 3, class(Urgent))
			time.Sleep(100 * time.Microsecond)
		}
		assert.Equal(t, []string{"answered"}, waits.saw())
		assert.LessOrEqual(t, waits.left(), 2*gatherTime)
		assert.Empty(t, left.saw(), "what was left behind waits behind all others")
	})
}

func TestAWithdrawnCallThatWasToGoAloneDoesNotGo(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		w.begin("a", "b")
		w.postAll("c")
		p := w.post("alone", alone)
		w.post("d")
		time.Sleep(gatherTime)
		synctest.Wait()
		assert.True(t, w.withdraw(p))
		w.post("e")
		time.Sleep(10 * time.Millisecond)
		assert.Equal(t, []string{"a", "b", "c d", "e"}, w.groups())
	})
}

// A batch is not looked for among all that waits, each time anew.
func TestFewAreSkippedForABatch(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		w.begin("a", "b")
		w.postAll("c")
		w.numbered("same", 1+2*maxCalls, token("one"))
		w.post("last")
		time.Sleep(gatherTime)
		assert.Equal(t, []string{"a", "b", "c same0"}, w.groups())
		for _, p := range w.probes[4:] {
			w.withdraw(p)
		}
	})
}

func TestRenewalsGoFirstAndLooksLast(t *testing.T) {
	within(t, ofOne, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		w.occupy()
		for _, c := range []Class{Left, Looks, Ordinary, Urgent, Looks, Left, Urgent, Ordinary} {
			w.post(fmt.Sprint(len(w.probes), "=", c), class(c))
		}
		time.Sleep(50 * time.Millisecond)
		assert.Equal(t, "19=1 22=1 18=2 23=2 17=3 20=3 16=4 21=4", strings.Join(w.groups()[maxFlights:], " "))
	})
}

func TestAtMost16FlightsAtATime(t *testing.T) {
	for how, kind := range map[string]func(*server) driver.Pool{"one": ofOne, "many": ofMany, "dials": ofDials} {
		t.Run(how, func(t *testing.T) {
			within(t, kind, func(w *world) {
				w.delay = always(80 * time.Millisecond)
				for range 4 * maxFlights {
					w.post(fmt.Sprint(len(w.probes)))
					time.Sleep(gatherTime)
				}
				synctest.Wait()
				assert.Equal(t, 16, w.maxAtOnce())
				time.Sleep(time.Second)
				assert.Equal(t, 16, w.maxAtOnce())
			})
		})
	}
}

func TestSentIsDecidedBeforeTheDriverIsCalled(t *testing.T) {
	within(t, ofMany, func(w *world) {
		var p *probe
		w.busy = func(context.Context) {
			assert.False(t, w.box.Withdraw(&p.Request), "the driver has it")
			w.box.Leave(&p.Request)
			time.Sleep(10 * time.Millisecond)
		}
		p = w.plan("a")
		w.box.Post(&p.Request)
		time.Sleep(20 * time.Millisecond)
		assert.Equal(t, []string{"answered"}, p.saw())
		require.Len(t, w.arrived(), 1)
		assert.False(t, p.Sent().After(w.arrived()[0].at))
		assert.Zero(t, p.left())
		assert.False(t, p.Sent().Wall.IsZero())
	})
}

func TestWhatWasNotSentWhileTheServerAnsweredNothingIsGivenUp(t *testing.T) {
	within(t, ofMany, func(w *world) {
		end := w.hang()
		w.occupy()
		at := w.since()
		long, short := w.post("long", bound(80*time.Millisecond)), w.post("short", bound(50*time.Millisecond))
		time.Sleep(200 * time.Millisecond)
		assert.Equal(t, []string{"unsent"}, long.saw())
		assert.Equal(t, []string{"unsent"}, short.saw())
		assert.Equal(t, at+80*time.Millisecond, long.when())
		assert.Equal(t, at+50*time.Millisecond, short.when())
		require.ErrorIs(t, long.cause(), ErrSilent)
		assert.True(t, long.Sent().IsZero())
		end()
	})
}

func TestNothingIsGivenUpWhileTheServerAnswersOthers(t *testing.T) {
	within(t, ofOne, func(w *world) {
		w.delay = always(90 * time.Millisecond)
		w.numbered("n", 10*maxFlights)
		time.Sleep(5 * time.Second)
		for _, p := range w.probes {
			assert.Equal(t, []string{"answered"}, p.saw())
		}
	})
}

func TestWhatIsGivenUpIsCountedFromTheLastAnswer(t *testing.T) {
	within(t, ofOne, func(w *world) {
		w.delay = func(calls []*driver.Call) time.Duration {
			if name(calls[0]) == "occupies0" {
				return 90 * time.Millisecond
			}
			return time.Second
		}
		w.occupy(bound(time.Minute))
		all := w.postAll("a b c")
		time.Sleep(300 * time.Millisecond)
		assert.Equal(t, []string{"late"}, all[0].saw(), "went in the place of what was answered")
		for _, p := range all[1:] {
			assert.Equal(t, []string{"unsent"}, p.saw())
			assert.Equal(t, 190*time.Millisecond, p.when())
		}
	})
}

func TestALateCallIsReportedOnceAndByItsOwnBound(t *testing.T) {
	within(t, ofMany, func(w *world) {
		end := w.hang()
		w.begin("a", "b", "c")
		short, long := w.post("short", bound(50*time.Millisecond)), w.post("long", bound(150*time.Millisecond))
		time.Sleep(100 * time.Millisecond)
		assert.Equal(t, []string{"late"}, short.saw())
		assert.Equal(t, gatherTime+50*time.Millisecond, short.when())
		assert.Equal(t, gatherTime, short.left())
		assert.Empty(t, long.saw(), "in the same batch")
		time.Sleep(400 * time.Millisecond)
		assert.Equal(t, []string{"late"}, long.saw())
		assert.Equal(t, gatherTime+150*time.Millisecond, long.when())
		end()
		assert.Equal(t, []string{"late", "answered"}, short.saw(), "an answer is reported, however late it is")
		assert.Equal(t, []string{"late", "answered"}, long.saw())
		assert.Equal(t, []string{"a", "b", "c short long"}, w.groups())
	})
}

func TestABatchLastsAsLongAsItsLongestBound(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		w.begin("a", "b")
		w.post("c", bound(50*time.Millisecond))
		w.post("d", bound(800*time.Millisecond))
		w.post("e", bound(60*time.Millisecond))
		time.Sleep(20 * time.Millisecond)
		lasts := w.arrived()[2].deadline.Sub(w.arrived()[2].at)
		assert.LessOrEqual(t, lasts, 800*time.Millisecond)
		assert.GreaterOrEqual(t, lasts, 700*time.Millisecond)
	})
}

func TestAnAnswerIsNotReportedWhileLatenessIs(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(150 * time.Millisecond)
		p := w.post("a", holds("late"))
		time.Sleep(200 * time.Millisecond)
		assert.Equal(t, []string{"late"}, p.saw())
		close(p.blocked["late"])
		assert.Equal(t, []string{"late", "answered"}, p.saw())
	})
}

func TestBatchesShrinkWhenLateAndGrowAgain(t *testing.T) {
	for how, c := range map[string]struct {
		obeys  bool
		shrunk []int
	}{
		"a driver that waits":    {false, []int{1, 1, 64, 64}}, // has brought the late answers
		"a driver that gives up": {true, []int{1, 64, 64, 1}},  // has not: one at a time at first
	} {
		t.Run(how, func(t *testing.T) {
			within(t, ofMany, func(w *world) {
				w.obeys = c.obeys
				end := w.hang()
				w.numbered("late", 2+maxCalls)
				time.Sleep(150 * time.Millisecond)
				end()
				synctest.Wait()
				w.change(func(f *faults) { f.delay = always(10 * time.Millisecond) })
				for i := range 3 {
					w.numbered(fmt.Sprint(i, "."), 2+maxCalls)
					time.Sleep(90 * time.Millisecond)
				}
				want := append([]int{1, 1, 128}, c.shrunk...) // half as large, once for all that were late
				assert.Equal(t, append(want,
					1, 1, 128, // as large again
					1, 1, 128), w.sizes())
			})
		})
	}
}

func TestABatchThatIsAnsweredLateDoesNotGrow(t *testing.T) {
	within(t, ofMany, func(w *world) {
		end := w.hang()
		w.begin("a", "b")
		w.numbered("large", maxCalls)
		time.Sleep(gatherTime)
		w.numbered("half as large", maxCalls/2)
		time.Sleep(150 * time.Millisecond)
		end()
		w.change(func(f *faults) { f.delay = always(10 * time.Millisecond) })
		w.numbered("n", 2+maxCalls)
		time.Sleep(5 * time.Millisecond)
		assert.Equal(t, []int{1, 1, 128, 64, 1, 1, 64, 64}, w.sizes())
	})
}

func TestAServerIsSilentUntilItAnswersAnything(t *testing.T) {
	for how, obeys := range map[string]bool{"a driver that waits": false, "a driver that gives up": true} {
		t.Run(how, func(t *testing.T) {
			within(t, ofMany, func(w *world) {
				w.obeys = obeys
				end := w.hang()
				p := w.post("a")
				time.Sleep(80 * time.Millisecond)
				assert.False(t, w.box.Silent(&p.call))
				time.Sleep(21 * time.Millisecond)
				synctest.Wait()
				assert.True(t, w.box.Silent(&p.call))
				time.Sleep(time.Hour)
				assert.True(t, w.box.Silent(&p.call))
				end()
				w.change(func(f *faults) { f.fault = func([]*driver.Call) error { return &driver.ReplyError{Err: errReset} } })
				again := w.post("b")
				assert.Equal(t, []string{"answered"}, again.saw())
				assert.False(t, w.box.Silent(&p.call), "an error is an answer, too, if the server has sent it")
			})
		})
	}
}

func TestAServerThatAnswersOthersIsNotSilent(t *testing.T) {
	within(t, ofMany, func(w *world) {
		end := w.hang()
		late := w.post("late")
		synctest.Wait()
		w.server.mu.Lock()
		w.server.hung = nil
		w.server.mu.Unlock()
		time.Sleep(50 * time.Millisecond)
		w.post("quick")
		time.Sleep(100 * time.Millisecond)
		assert.Equal(t, []string{"late"}, late.saw())
		assert.False(t, w.box.Silent(&late.call))
		end()
	})
}

// A broken connection is no answer, and says nothing about how quick the server is.
func TestAResetIsNeitherAnAnswerNorSilence(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.fault = func([]*driver.Call) error { return errReset }
		p := w.post("a")
		require.ErrorIs(t, p.cause(), errReset)
		assert.False(t, w.box.Silent(&p.call))
		assert.Equal(t, []string{"answered"}, p.saw(), "it may have been run")
	})
}

// The client's pool has no connection to spare: the driver waits, and then says so.
func TestWaitingForAConnectionOfTheClientIsNotSilence(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(95 * time.Millisecond)
		w.fault = func([]*driver.Call) error { return fmt.Errorf("fake: %w", driver.ErrNotSent) }
		p := w.post("a")
		time.Sleep(97 * time.Millisecond)
		assert.Equal(t, []string{"unsent"}, p.saw())
		require.ErrorIs(t, p.cause(), driver.ErrNotSent)
		assert.True(t, p.Sent().IsZero(), "not sent")
		assert.False(t, w.box.Silent(&p.call))
		assert.Equal(t, maxCalls, w.box.only.health.limit)
	})
}

func TestWithdrawIsTrueIfTheCallWillNotBeSent(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		planned := w.plan("planned")
		assert.False(t, w.box.Withdraw(&planned.Request), "it was not posted")
		w.box.Leave(&planned.Request)
		w.box.Post(&planned.Request)
		synctest.Wait()
		w.begin("b")
		w.postAll("c d e f")
		all := w.probes[1:]
		assert.False(t, w.withdraw(planned))
		assert.True(t, w.withdraw(all[1]))
		assert.True(t, w.withdraw(all[4]))
		assert.False(t, w.box.Withdraw(&all[4].Request), "once")
		time.Sleep(20 * time.Millisecond)
		assert.Equal(t, []string{"planned", "b", "d e"}, w.groups())
		assert.False(t, w.withdraw(all[2]))
		assert.True(t, all[1].Sent().IsZero())
	})
}

func TestWhatIsLeftGoesBehindAllOthersAndInBoundedNumber(t *testing.T) {
	within(t, ofOne, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		w.occupy()
		all := w.numbered("n", maxLeft+3)
		for _, p := range all {
			w.box.Leave(&p.Request)
			w.box.Leave(&p.Request) // which is the same as once
		}
		for i, p := range all[:5] {
			if i < 3 {
				assert.Equal(t, []string{"unsent"}, p.saw())
				require.ErrorIs(t, p.cause(), ErrCrowded)
				continue
			}
			assert.Empty(t, p.saw())
		}
		posted := w.post("posted", class(Left))
		assert.Equal(t, []string{"unsent"}, all[3].saw())
		look := w.post("look", class(Looks))
		assert.True(t, w.withdraw(all[5]))
		time.Sleep(5 * time.Second)
		assert.Equal(t, "look n4 n6 n7", strings.Join(w.groups()[maxFlights:][:4], " "))
		assert.Equal(t, []string{"answered"}, look.saw())
		assert.Equal(t, []string{"answered"}, posted.saw())
		assert.Len(t, w.arrived(), maxFlights+maxLeft+3+2-5)
	})
}

func goroutine() string {
	stack := make([]byte, 64)
	id, _, _ := strings.Cut(string(stack[:runtime.Stack(stack, false)]), "[")
	return id
}

func TestAskAsksInTheCallersGoroutine(t *testing.T) {
	for how, kind := range map[string]func(*server) driver.Pool{"pool": ofBounds, "connection": ofBoundedDials} {
		t.Run(how, func(t *testing.T) {
			within(t, kind, func(w *world) {
				w.delay = always(10 * time.Millisecond)
				w.post("makes a connection")
				time.Sleep(50 * time.Millisecond)
				var ran string
				w.change(func(f *faults) { f.busy = func(context.Context) { ran = goroutine() } })
				p := w.plan("a")
				assert.True(t, w.box.Ask(&p.Request))
				assert.Equal(t, []string{"answered"}, p.reports)
				assert.Equal(t, goroutine(), ran)
			})
		})
	}
}

func TestAskDoesNotWaitForADriverThatMayNotReturn(t *testing.T) {
	for how, kind := range map[string]func(*server) driver.Pool{
		"pool": ofMany, "connection": ofDials, "at the moment": func(s *server) driver.Pool { return &bounds{many{one{s}}, true} },
	} {
		t.Run(how, func(t *testing.T) {
			within(t, kind, func(w *world) {
				w.delay = always(10 * time.Millisecond)
				w.post("makes a connection")
				time.Sleep(50 * time.Millisecond)
				p := w.plan("a")
				assert.False(t, w.box.Ask(&p.Request))
				assert.Empty(t, p.saw())
				time.Sleep(10 * time.Millisecond)
				assert.Equal(t, []string{"answered"}, p.saw())
			})
		})
	}
}

func TestAskDoesNotWaitForATurn(t *testing.T) {
	within(t, ofBounds, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		w.begin("a", "b")
		w.postAll("c")
		p := w.plan("d")
		assert.False(t, w.box.Ask(&p.Request))
		assert.Zero(t, w.since())
		time.Sleep(20 * time.Millisecond)
		assert.Equal(t, []string{"a", "b", "c d"}, w.groups())
		assert.Equal(t, []string{"answered"}, p.saw())
	})
}

// A call that is asked for in the caller's goroutine may be answered while others wait.
func TestWhatWaitsBehindAskGoes(t *testing.T) {
	within(t, ofBounds, func(w *world) {
		w.delay = func(calls []*driver.Call) time.Duration {
			if name(calls[0]) == "a" {
				return gatherTime / 2
			}
			return 10 * time.Millisecond
		}
		w.busy = func(context.Context) {
			w.change(func(f *faults) { f.busy = nil })
			w.postAll("b c d")
		}
		p := w.plan("a")
		assert.True(t, w.box.Ask(&p.Request))
		assert.Equal(t, gatherTime/2, w.since())
		time.Sleep(20 * time.Millisecond)
		assert.Equal(t, []string{"a", "b", "c d"}, w.groups())
		assert.Equal(t, gatherTime/2, w.probes[2].left(), "it has the place of the first")
	})
}

// A batch waits for the longest bound of its calls, and so for none but its own caller.
func TestAskDoesNotSendABatchInTheCallersGoroutine(t *testing.T) {
	within(t, ofBoundedDials, func(w *world) {
		w.dial = func(string) (time.Duration, error) { return 10 * time.Millisecond, nil }
		w.delay = always(10 * time.Millisecond)
		w.begin("a", "b")
		w.postAll("c")
		time.Sleep(15 * time.Millisecond) // one connection has the batch
		p := w.plan("d")
		assert.False(t, w.box.Ask(&p.Request))
		time.Sleep(50 * time.Millisecond)
		assert.Equal(t, []string{"answered"}, p.saw())
	})
}

func TestSendingOnceMoreHasABoundOfItsOwn(t *testing.T) {
	within(t, ofMany, func(w *world) {
		var ends []time.Duration
		w.busy = func(ctx context.Context) {
			for range 3 {
				time.Sleep(80 * time.Millisecond)
				ctx = driver.ResendContext(ctx)
				deadline, _ := ctx.Deadline()
				ends = append(ends, time.Until(deadline))
				assert.Equal(t, "caller", ctx.Value(valueKey{}))
				require.NoError(t, ctx.Err())
			}
			<-ctx.Done()
			require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
			time.Sleep(50 * time.Millisecond)
		}
		p := w.post("a", func(p *probe) { p.Values = context.WithValue(t.Context(), valueKey{}, "caller") })
		time.Sleep(time.Second)
		synctest.Wait()
		for _, left := range ends {
			assert.InDelta(t, 94*time.Millisecond, left, float64(7*time.Millisecond))
		}
		assert.Equal(t, []string{"late", "answered"}, p.saw())
		assert.Equal(t, 340*time.Millisecond, p.at[0], "counted from the last sending")
		assert.Zero(t, p.left(), "but what the answer grants is not")
	})
}

// What the server has not got, it has said so.
func TestSendingOnceMoreFollowsAnAnswer(t *testing.T) {
	within(t, ofOne, func(w *world) {
		end := w.hang()
		w.occupy(bound(time.Minute))
		end()
		synctest.Wait()
		w.change(func(f *faults) {
			f.busy = func(ctx context.Context) {
				time.Sleep(90 * time.Millisecond)
				driver.ResendContext(ctx)
				time.Sleep(90 * time.Millisecond)
			}
		})
		w.numbered("n", 2*maxFlights)
		time.Sleep(time.Second)
		for _, p := range w.probes {
			assert.Equal(t, []string{"answered"}, p.saw())
		}
	})
}

func TestABatchOfSeveralCarriesNoCallersValues(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		carries := func(p *probe) { p.Values = context.WithValue(t.Context(), valueKey{}, name(&p.call)) }
		w.post("a", carries)
		synctest.Wait()
		w.postAll("b c d", carries)
		time.Sleep(20 * time.Millisecond)
		w.post("without")
		for i, want := range []any{"a", "b", nil, nil} {
			assert.Equal(t, want, w.arrived()[i].value)
		}
	})
}

func TestLanesDoNotHoldUpEachOther(t *testing.T) {
	within(t, ofLanes, func(w *world) {
		w.dial = func(lane string) (time.Duration, error) {
			if lane == "far" {
				return 10 * time.Second, nil
			}
			return 0, nil
		}
		far := w.numbered("far:", 100)
		near := w.numbered("near:", 100)
		w.change(func(f *faults) { f.delay = always(time.Millisecond) })
		time.Sleep(10 * time.Millisecond)
		for _, p := range near {
			assert.Equal(t, []string{"answered"}, p.saw())
		}
		time.Sleep(100 * time.Millisecond)
		for _, p := range far {
			require.ErrorIs(t, p.cause(), ErrSilent)
		}
	})
}

func TestSilenceIsThatOfALane(t *testing.T) {
	within(t, ofLanes, func(w *world) {
		w.delay = func(calls []*driver.Call) time.Duration {
			if strings.HasPrefix(name(calls[0]), "slow:") {
				return 200 * time.Millisecond
			}
			return 0
		}
		slow, quick := w.post("slow:1"), w.post("quick:1")
		time.Sleep(150 * time.Millisecond)
		assert.True(t, w.box.Silent(&slow.call))
		assert.False(t, w.box.Silent(&quick.call))
		time.Sleep(100 * time.Millisecond)
		assert.False(t, w.box.Silent(&slow.call))
	})
}

func TestAHungServerHoldsUpABoundedNumber(t *testing.T) {
	for how, kind := range map[string]func(*server) driver.Pool{"pool": ofMany, "connections": ofDials} {
		t.Run(how, func(t *testing.T) {
			within(t, kind, func(w *world) {
				end := w.hang()
				before := runtime.NumGoroutine()
				for range 1000 {
					w.numbered(fmt.Sprint(len(w.probes), "."), 5)
					time.Sleep(100 * time.Microsecond)
				}
				assert.Equal(t, maxFlights, w.maxAtOnce())
				time.Sleep(200 * time.Millisecond)
				synctest.Wait()
				assert.LessOrEqual(t, runtime.NumGoroutine(), before+2*maxFlights+5)
				for _, p := range w.probes {
					saw := p.saw()
					require.NotEmpty(t, saw)
					assert.Contains(t, []string{"late", "unsent"}, saw[0])
				}
				end()
			})
		})
	}
}

func TestASlowObserverHoldsUpNoFlight(t *testing.T) {
	within(t, ofOne, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		all := w.numbered("n", 4*maxFlights, holds("answered"))
		time.Sleep(100 * time.Millisecond)
		assert.Len(t, w.arrived(), 4*maxFlights)
		for _, p := range all {
			close(p.blocked["answered"])
		}
	})
}

func TestAnObserverMayPost(t *testing.T) {
	for how, kind := range map[string]func(*server) driver.Pool{"one": ofOne, "many": ofMany, "bounds": ofBounds, "dials": ofDials} {
		t.Run(how, func(t *testing.T) {
			within(t, kind, func(w *world) {
				w.delay = always(time.Millisecond)
				count := 0
				var next func()
				next = func() {
					if count++; count < 100 {
						w.box.Ask(&w.plan(fmt.Sprint("next", count), func(p *probe) { p.then = next }).Request)
					}
				}
				next()
				time.Sleep(time.Second)
				synctest.Wait()
				assert.Equal(t, 100, count)
				assert.Len(t, w.arrived(), 99)
			})
		})
	}
}

func TestADriverThatForgetsAReplyHasNotAnswered(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(10 * time.Millisecond)
		w.begin("a", "b")
		w.postAll("c d")
		all := w.probes
		w.change(func(f *faults) { f.short = true })
		time.Sleep(50 * time.Millisecond)
		require.NoError(t, all[2].cause())
		require.ErrorIs(t, all[3].cause(), errNoReply)
	})
}

func TestASilentServerIsAskedByOneFlightAtATime(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.obeys = true
		w.begin("a", "b")
		end := w.hang()
		w.post("c")
		time.Sleep(150 * time.Millisecond)
		before := len(w.arrived())
		for i := range 8 {
			w.post(fmt.Sprint("d", i))
			time.Sleep(time.Millisecond)
		}
		assert.Len(t, w.arrived(), before+1)
		end()
	})
}
