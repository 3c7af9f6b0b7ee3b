package redlock

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/scripts"
)

// rw makes a read-write lock object: that of one process among others.
func (b *bench) rw(change func(*Config)) *RW {
	c := DefaultConfig()
	c.SetRetryDelay(100 * ms)
	c.Unlimited = true
	if change != nil {
		change(&c)
	}
	return NewRW(b.engine, writeProtocol, readProtocol, "name", c)
}

var background = context.Background()

// half is the writers' or the readers' half of a lock.
type half interface {
	Lock(context.Context) error
	TryLock(context.Context) error
	Unlock(context.Context) (bool, error)
	Extend(context.Context) (bool, error)
}

func (b *bench) in(x half) {
	b.Helper()
	require.NoError(b, x.Lock(background))
}

func (b *bench) out(x half) {
	b.Helper()
	ok, err := x.Unlock(background)
	require.NoError(b, err)
	require.True(b, ok)
}

func (b *bench) extended(x half) {
	b.Helper()
	ok, err := x.Extend(background)
	require.NoError(b, err)
	require.True(b, ok)
}

// begins starts a call and lets it come as far as it can without time passing.
func begins(ctx context.Context, call func(context.Context) error) <-chan error {
	result := make(chan error, 1)
	go func() { result <- call(ctx) }()
	synctest.Wait()
	return result
}

// waits checks that calls have not returned.
func (b *bench) waits(results ...<-chan error) {
	b.Helper()
	synctest.Wait()
	for i, result := range results {
		require.Empty(b, result, "call %d has returned", i)
	}
}

// asked counts how often a script ran on node 0.
func (b *bench) asked(script *scripts.Script) int {
	synctest.Wait()
	return b.nodes[0].Ran(script)
}

// free checks that no node has a writer, a reader or a ticket.
func (b *bench) free() {
	b.Helper()
	synctest.Wait()
	for i, n := range b.nodes {
		writer, readers, tickets := n.LookRW(rwName)
		require.Empty(b, writer, "writer on node %d", i)
		require.Zero(b, readers, "readers on node %d", i)
		require.Zero(b, tickets, "tickets on node %d", i)
	}
}

// set changes what some nodes have of the lock, as another client would.
func (b *bench) set(change func(l *fakenode.RW), nodes ...int) {
	for _, i := range nodes {
		b.nodes[i].Set(func() { change(b.nodes[i].RW(rwName)) })
	}
}

func theirWriter(l *fakenode.RW) {
	l.Writer = fakenode.Key{Token: "theirs", Ends: time.Now().Add(time.Minute)}
}
func theirReader(l *fakenode.RW) { l.Readers["theirs"] = time.Now().Add(time.Minute) }
func theirTicket(l *fakenode.RW) { l.WaitingWriters.Enqueue("theirs", time.Minute.Milliseconds()) }

// The table in the documentation of package rwmutex, among processes.
func TestWhoWaitsForWhom(t *testing.T) {
	for _, c := range []struct {
		who                    string
		half                   func(*RW) half
		reader, writer, waiter bool // passes a …
	}{
		{"reader", reader, true, false, false},
		{"writer", writer, false, false, true},
	} {
		for other, is := range map[string]struct {
			there  func(*fakenode.RW)
			passes bool
		}{
			"reader":         {theirReader, c.reader},
			"writer":         {theirWriter, c.writer},
			"waiting writer": {theirTicket, c.waiter},
		} {
			t.Run(c.who+" meets "+other, func(t *testing.T) {
				bubble(t, 3, func(b *bench) { b.meets(c.half(b.rw(nil)), is.there, is.passes) })
			})
		}
	}
}

func reader(x *RW) half { return x.Reader }
func writer(x *RW) half { return x.Writer }

func (b *bench) meets(x half, there func(*fakenode.RW), passes bool) {
	b.set(there, 0, 1, 2)
	tried := x.TryLock(background)
	if passes {
		require.NoError(b, tried)
		b.out(x)
		b.in(x)
		b.out(x)
		return
	}
	var taken *ErrTaken
	require.ErrorAs(b, tried, &taken)
	require.ErrorIs(b, tried, ErrFailed)
	waiting := begins(background, x.Lock)
	time.Sleep(time.Second)
	b.waits(waiting)
	b.set((*fakenode.RW).Clear, 0, 1, 2)
	require.NoError(b, <-waiting)
	b.out(x)
	b.free()
}

func TestHoldersPassAWaitingWriter(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Reader)
		b.set(theirTicket, 0, 1, 2)
		time.Sleep(time.Second)
		until := x.Reader.Until()
		b.extended(x.Reader)
		require.Equal(t, time.Second, x.Reader.Until().Sub(until))
		b.out(x.Reader)

		b.in(x.Writer)
		b.extended(x.Writer)
		require.NoError(t, x.Downgrade(background))
		b.out(x.Reader)
	})
}

// The same table inside one object, where none passes a goroutine that waits.
func TestWhoWaitsForWhomInOneObject(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Reader)
		b.in(x.Reader) // passes
		waitingWriter := begins(background, x.Writer.Lock)
		laterReader := begins(background, x.Reader.Lock)
		laterWriter := begins(background, x.Writer.Lock)
		sent := len(b.nodes[0].History())
		for _, h := range []half{x.Reader, x.Writer} {
			var taken *ErrTaken
			require.ErrorAs(t, h.TryLock(background), &taken)
			require.Empty(t, taken.Nodes)
		}
		b.extended(x.Reader)
		require.Len(t, b.nodes[0].History(), sent+1, "those in line send nothing, nor do those who only try")

		b.out(x.Reader)
		b.waits(waitingWriter, laterReader, laterWriter)
		b.out(x.Reader)
		require.NoError(t, <-waitingWriter)
		b.waits(laterReader, laterWriter)
		b.out(x.Writer)
		require.NoError(t, <-laterReader)
		time.Sleep(time.Second)
		b.waits(laterWriter)
		require.Equal(t, 1, b.asked(scripts.RWMutex().WriteAcquire), "it does not ask before its turn")
		b.out(x.Reader)
		require.NoError(t, <-laterWriter)
		b.out(x.Writer)
		b.free()
	})
}

func TestGoroutinesAreServedInTheOrderInWhichTheyCame(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Writer)
		var mu sync.Mutex
		var order []string
		var done sync.WaitGroup
		for i, kind := range "rrwwrwrrr" {
			h := map[rune]half{'r': x.Reader, 'w': x.Writer}[kind]
			done.Go(func() {
				b.in(h)
				mu.Lock()
				order = append(order, fmt.Sprintf("%c%d", kind, i))
				mu.Unlock()
				time.Sleep(10 * ms)
				b.out(h)
			})
			synctest.Wait() // it is in line
		}
		b.out(x.Writer)
		done.Wait()
		require.ElementsMatch(t, []string{"r0", "r1"}, order[:2])
		require.Equal(t, []string{"w2", "w3", "r4", "w5"}, order[2:6])
		require.ElementsMatch(t, []string{"r6", "r7", "r8"}, order[6:])
		b.free()
	})
}

func TestQueuedReadersTriesRunOutAsIfTheyHadPolled(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.rw(func(c *Config) { c.Unlimited, c.Tries = false, 5 })
		b.in(x.Writer) // and is never unlocked
		for _, h := range []half{x.Reader, x.Writer} {
			start := time.Now()
			require.ErrorIs(t, h.Lock(background), ErrFailed)
			require.Equal(t, 400*ms, time.Since(start))
		}
		require.Zero(t, b.asked(scripts.RWMutex().ReadAcquire))
		require.Equal(t, 1, b.asked(scripts.RWMutex().WriteAcquire))
	})
}

func TestReadersJoinWithoutARoundTripForAShortWhile(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Reader)
		time.Sleep(joinWindow - 1)
		for range 10 {
			b.in(x.Reader)
		}
		require.Len(t, b.nodes[0].History(), 1)
		time.Sleep(time.Nanosecond)
		b.in(x.Reader)
		require.Equal(t, 1, b.asked(scripts.RWMutex().ReadExtend))
		time.Sleep(joinWindow - 1)
		b.in(x.Reader)
		require.Equal(t, 1, b.asked(scripts.RWMutex().ReadExtend), "the answer opened the lease anew")
		for range 13 {
			require.Equal(t, []int{1, 1, 1}, b.leases(), "until the last one")
			b.out(x.Reader)
		}
		b.free()
		require.Equal(t, 1, b.asked(scripts.RWMutex().ReadRelease))
		_, err := x.Reader.Unlock(background)
		require.ErrorIs(t, err, errNotHeld)
	})
}

func TestOneExtensionAdmitsAllWhoCameMeanwhile(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.Before = only("rwmutex_read_extend", 10*ms)
		}
		x := b.rw(nil)
		b.in(x.Reader)
		time.Sleep(joinWindow)
		until := x.Reader.Until()
		var readers []<-chan error
		for range 20 {
			readers = append(readers, begins(background, x.Reader.Lock))
		}
		b.waits(readers...)
		for _, result := range readers {
			require.NoError(t, <-result)
		}
		require.Equal(t, 1, b.asked(scripts.RWMutex().ReadExtend))
		require.Equal(t, joinWindow, x.Reader.Until().Sub(until))
		for range 21 {
			b.out(x.Reader)
		}
		b.free()
	})
}

func TestOneAcquireAdmitsAllWhoCameMeanwhile(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.Before = only("rwmutex_read_acquire", 10*ms)
		}
		x := b.rw(nil)
		var readers []<-chan error
		for range 20 {
			readers = append(readers, begins(background, x.Reader.Lock))
		}
		for _, result := range readers {
			require.NoError(t, <-result)
		}
		require.Equal(t, 1, b.asked(scripts.RWMutex().ReadAcquire))
		require.Equal(t, []int{1, 1, 1}, b.leases())
		for range 20 {
			b.out(x.Reader)
		}
		b.free()
	})
}

func TestNoReaderJoinsOnceAWaitingWriterWasSeen(t *testing.T) {
	for name, see := range map[string]func(b *bench, x *RW){
		"by an extension": func(b *bench, x *RW) {
			b.set(theirTicket, 0, 1, 2)
			b.extended(x.Reader)
		},
		"by an extension's straggler": func(b *bench, x *RW) {
			b.nodes[2].Set(func() { b.nodes[2].After = only("rwmutex_read_extend", joinWindow/2) })
			b.set(theirTicket, 2)
			b.extended(x.Reader)
			b.in(x.Reader) // the engine does not know yet
			b.out(x.Reader)
			require.Equal(b, 1, b.asked(scripts.RWMutex().ReadExtend))
			time.Sleep(joinWindow / 2)
			b.set(theirTicket, 0, 1) // so that one who asks is refused
		},
		"by a refused extension": func(b *bench, x *RW) {
			b.set((*fakenode.RW).Clear, 0, 1, 2)
			b.set(theirWriter, 0, 1, 2)
			_, err := x.Reader.Extend(background)
			require.ErrorIs(b, err, ErrExtendFailed)
		},
		"by a straggler that had refused": func(b *bench, x *RW) {
			b.out(x.Reader)
			b.nodes[2].Set(func() { b.nodes[2].After = only("rwmutex_read_acquire", joinWindow/2) })
			b.set(theirTicket, 2)
			b.in(x.Reader)
			b.in(x.Reader)
			b.out(x.Reader)
			time.Sleep(joinWindow / 2)
			b.set(theirTicket, 0, 1)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				x := b.rw(nil)
				b.in(x.Reader)
				see(b, x)
				before := b.asked(scripts.RWMutex().ReadExtend)
				first := begins(background, x.Reader.Lock)
				second := begins(background, x.Reader.Lock)
				require.Equal(t, before+1, b.asked(scripts.RWMutex().ReadExtend), "it asks instead")
				time.Sleep(time.Second)
				b.waits(first, second)
				b.set((*fakenode.RW).Clear, 0, 1, 2)
				_, _ = x.Reader.Unlock(background)
				require.NoError(t, <-first)
				require.NoError(t, <-second)
				b.out(x.Reader)
				b.out(x.Reader)
				time.Sleep(10 * ms) // for stragglers
				b.free()
			})
		})
	}
}

func TestReadersJoinAgainOnceTheWriterHasGivenUp(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Reader)
		b.set(theirTicket, 0, 1, 2)
		b.extended(x.Reader)
		waiting := begins(background, x.Reader.Lock)
		b.waits(waiting)
		b.set(func(l *fakenode.RW) { clear(l.WaitingWriters.Tickets) }, 0, 1, 2)
		require.NoError(t, <-waiting)
		b.in(x.Reader)
		require.Equal(t, 1, b.asked(scripts.RWMutex().ReadAcquire), "the same lease")
		for range 3 {
			b.out(x.Reader)
		}
		b.free()
	})
}

// Readers of one process, of which there is always one, must let a writer of
// another one in.
func TestReadersThatNeverPauseLetAWriterIn(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		readers, other := b.rw(nil), b.rw(nil)
		stop := b.relay(readers, 7*ms, 5*ms)
		time.Sleep(time.Second)
		require.Equal(t, 1, b.asked(scripts.RWMutex().ReadAcquire), "one lease all the time")
		start := time.Now()
		b.in(other.Writer)
		require.Less(t, time.Since(start), time.Second)
		b.out(other.Writer)
		stop()
		b.free()
	})
}

// relay has readers begin at intervals and stay for longer than those, so that
// they overlap. The result stops them.
func (b *bench) relay(x *RW, stay, every time.Duration) (stop func()) {
	ended := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-time.After(every):
			}
			done.Go(func() {
				b.in(x.Reader)
				time.Sleep(stay)
				b.out(x.Reader)
			})
		}
	})
	return func() {
		close(ended)
		done.Wait()
	}
}

func TestReadersThatNeverPauseGoRedWithoutTickets(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.wrong(func(l *fakenode.RW) { l.ReadersPassWriters = true })
		readers, other := b.rw(nil), b.rw(nil)
		stop := b.relay(readers, 7*ms, 5*ms)
		time.Sleep(100 * ms)
		ctx, cancel := context.WithTimeout(background, time.Minute)
		defer cancel()
		require.ErrorIs(t, other.Writer.Lock(ctx), context.DeadlineExceeded)
		stop()
	})
}

func TestExpiredLeaseLetsNoReaderInUntilAllHaveGivenItBack(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Reader)
		b.in(x.Reader)
		time.Sleep(8 * time.Second)
		until := x.Reader.Until()
		waiting := begins(background, x.Reader.Lock)
		require.ErrorIs(t, x.Reader.TryLock(background), ErrFailed)
		ok, err := x.Reader.Extend(background)
		require.False(t, ok)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		for range 2 {
			b.waits(waiting)
			require.Equal(t, until, x.Reader.Until(), "still the expired one's")
			ok, err := x.Reader.Unlock(background)
			require.False(t, ok)
			require.ErrorIs(t, err, ErrLockAlreadyExpired)
		}
		require.NoError(t, <-waiting)
		require.True(t, x.Reader.Until().After(until))
		b.out(x.Reader)
		b.free()
	})
}

// One that only tries is as well served by a question that is under way.
func TestTryLockOfAReaderWaitsForAQuestionUnderWay(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.Before = only("rwmutex_read_acquire", 10*ms)
		}
		x := b.rw(nil)
		asking := begins(background, x.Reader.Lock)
		trying := begins(background, x.Reader.TryLock)
		b.waits(asking, trying)
		require.NoError(t, <-asking)
		require.NoError(t, <-trying)
		require.Equal(t, 1, b.asked(scripts.RWMutex().ReadAcquire))
		b.out(x.Reader)
		b.out(x.Reader)

		b.set(theirWriter, 0, 1, 2)
		asking = begins(background, x.Reader.Lock)
		trying = begins(background, x.Reader.TryLock)
		b.waits(asking, trying)
		require.ErrorIs(t, <-trying, ErrFailed, "it was refused with the other")
		require.Equal(t, 3, b.asked(scripts.RWMutex().ReadAcquire), "once more, as the first may be from before")
		ctx, cancel := context.WithCancel(background)
		time.Sleep(95 * ms) // the next try is under way
		trying = begins(ctx, x.Reader.TryLock)
		b.waits(trying)
		cancel()
		require.ErrorIs(t, <-trying, context.Canceled)
		b.set((*fakenode.RW).Clear, 0, 1, 2)
		require.NoError(t, <-asking)
		b.out(x.Reader)
		b.free()
	})
}

func TestTryLockOfAReaderHasAPollerLook(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.set(theirWriter, 0, 1, 2)
		polling := begins(background, x.Reader.Lock)
		start := time.Now()
		var taken *ErrTaken
		require.ErrorAs(t, x.Reader.TryLock(background), &taken)
		require.Zero(t, time.Since(start))
		require.Equal(t, 2, b.asked(scripts.RWMutex().ReadAcquire))
		b.waits(polling)
		b.set((*fakenode.RW).Clear, 0, 1, 2)
		require.NoError(t, <-polling)
		b.out(x.Reader)
	})
}

// A node that has forgotten a reader gets it back even while a writer waits.
func TestForgetfulNodesAreRepairedForReaders(t *testing.T) {
	for name, there := range map[string]func(*fakenode.RW){
		"nothing": func(*fakenode.RW) {},
		"ticket":  theirTicket,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				x := b.rw(nil)
				b.in(x.Reader)
				synctest.Wait()
				b.nodes[1].Restart()
				b.set(there, 0, 1, 2)
				b.extended(x.Reader)
				require.Equal(t, []int{1, 1, 1}, b.leases())
				require.Equal(t, 1, b.nodes[1].Ran(scripts.RWMutex().ReadRepair))

				b.nodes[2].Restart() // node 1 does not vote yet
				_, err := x.Reader.Extend(background)
				require.ErrorIs(t, err, ErrExtendFailed)
				_, err = x.Reader.Unlock(background)
				require.NoError(t, err)
				require.Equal(t, []int{0, 0, 0}, b.leases())
			})
		})
	}
}

func TestForgetfulNodeIsNotRepairedBesideAnotherWriter(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Reader)
		b.set((*fakenode.RW).Clear, 1)
		b.set(theirWriter, 1)
		b.extended(x.Reader)
		require.Equal(t, []string{"", "theirs", ""}, b.writers())
		b.out(x.Reader)
	})
}

func TestReadersTokensComeFromTheUsersFunction(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		n := 0
		x := b.rw(func(c *Config) {
			c.SetGenValue(func() (string, error) { n++; return fmt.Sprint("value ", n), nil })
		})
		b.in(x.Reader)
		synctest.Wait()
		for _, node := range b.nodes {
			node.Set(func() { require.Contains(t, node.RW(rwName).Readers, any("value 1")) })
		}
		b.out(x.Reader)
		b.in(x.Writer)
		require.Equal(t, "value 2", x.Writer.Value())
		require.NoError(t, x.Downgrade(background))
		require.Equal(t, 2, n, "a downgrade keeps the token")
		b.out(x.Reader)
		b.free()
	})
}

// What an ended lease of the object has left on a node is replaced, whichever
// half it was of.
func TestEarlierLeasesOfTheObjectAreReplaced(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		lost := func(*driver.Call) error { return fakenode.ErrLostReply }
		x := b.rw(nil)
		b.in(x.Writer)
		b.nodes[1].Set(func() { b.nodes[1].Fault = lost })
		b.out(x.Writer)
		b.nodes[1].Set(func() { b.nodes[1].Fault = nil })
		require.NotEmpty(t, b.writers()[1])
		require.NoError(t, x.Reader.TryLock(background))
		require.Equal(t, []int{1, 1, 1}, b.leases())
		b.nodes[1].Set(func() { b.nodes[1].Fault = lost })
		b.out(x.Reader)
		b.nodes[1].Set(func() { b.nodes[1].Fault = nil })
		require.Equal(t, []int{0, 1, 0}, b.leases())
		require.NoError(t, x.Writer.TryLock(background))
		require.Equal(t, []string{x.Writer.Value(), x.Writer.Value(), x.Writer.Value()}, b.writers())
		b.out(x.Writer)
		b.free()
	})
}

// A node that has forgotten the readers' lease gets it back after an extension or a
// renewal, whether its answer was needed or came late, and beside a writer that waits.
func TestReadersLeaseIsRepaired(t *testing.T) {
	for way, extend := range map[string]func(b *bench, x *RW){
		"extended": func(b *bench, x *RW) { b.extended(x.Reader) },
		"renewed":  func(_ *bench, x *RW) { time.Sleep(4 * time.Second) },
	} {
		for when, forgets := range map[string]int{"in time": 1, "late": 2} {
			t.Run(way+"/"+when, func(t *testing.T) {
				bubble(t, 3, func(b *bench) {
					b.nodes[2].After = always(5 * ms)
					x := b.rw(nil)
					b.in(x.Reader)
					time.Sleep(20 * ms) // its answers are all there
					if way == "renewed" {
						x.Reader.current().renewing().keepAlive()
					}
					b.restarted(forgets)
					b.set(theirTicket, forgets)
					extend(b, x)
					time.Sleep(20 * ms)
					require.Equal(t, []int{1, 1, 1}, b.leases())
					require.Equal(t, 1, b.nodes[forgets].Ran(scripts.RWMutex().ReadRepair))
					b.extended(x.Reader) // from now on the repaired one votes
					time.Sleep(20 * ms)
					b.restarted(0)
					b.extended(x.Reader)
					b.out(x.Reader)
				})
			})
		}
	}
}
