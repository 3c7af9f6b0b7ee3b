package redlock

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/scripts"
)

// arriving is when each of some calls has got what it waits for.
type arriving struct {
	*bench
	at chan arrival
}

type arrival struct {
	who string
	at  time.Time
}

func (b *bench) arriving() *arriving { return &arriving{b, make(chan arrival, 100)} }

// waits lets one wait, and returns when it is in line and listens.
func (a *arriving) waits(who string, call func(context.Context) error) {
	a.Helper()
	go func() {
		if call(background) == nil {
			a.at <- arrival{who, time.Now()}
		}
	}()
	time.Sleep(20 * ms)
	require.Empty(a, a.at)
}

// gives runs a release, which lets in those that are named, and no other.
func (a *arriving) gives(release func(), who ...string) {
	a.Helper()
	start, before := time.Now(), a.calls()
	release()
	synctest.Wait()
	got := make(map[string]time.Time)
	for range len(a.at) {
		one := <-a.at
		got[one.who] = one.at
	}
	require.Equal(a, before+1, a.calls(), "the release alone")
	require.Len(a, got, len(who), "%v", got)
	for _, name := range who {
		require.Equal(a, start.Add(ms/2), got[name], "%s: the release's way there", name)
	}
	time.Sleep(10 * ms)
	require.Empty(a, a.at)
}

func (a *arriving) acquires(x *Slots, n int, p **Permit) func(context.Context) error {
	return func(ctx context.Context) (err error) {
		*p, err = x.Acquire(ctx, n)
		return err
	}
}

func (a *arriving) releases(p **Permit) func() {
	return func() {
		ok, err := (*p).Release(background)
		require.True(a, ok, err)
	}
}

// many is a read-write lock object of a process of its own, and the same for permits.
func (b *bench) many(change func(*Config)) *RW { return b.elsewhere().rw(change) }

func (b *bench) permits(limit int) *Slots {
	return b.elsewhere().slots(limit, func(c *Config) { c.Unlimited = true })
}

// A writer gives all readers the lock that came before the next writer, and the last of them
// gives it to that writer, who gives it to the reader behind.
func TestReleaseGrantsReadersAndWriters(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"plain":   nil,
		"fencing": func(c *Config) { c.Fencing = true },
	} {
		t.Run(name, func(t *testing.T) {
			granting(t, func(b *bench) {
				a := b.arriving()
				holder, next := b.many(change), b.many(change)
				one, two, last := b.many(change), b.many(change), b.many(change)
				b.in(holder.Writer)
				was := holder.Writer.Fence()
				a.waits("one", one.Reader.Lock)
				a.waits("two", two.Reader.Lock)
				a.waits("next", next.Writer.Lock)
				a.waits("last", last.Reader.Lock)
				a.gives(func() { b.out(holder.Writer) }, "one", "two")
				require.Greater(b, time.Until(two.Reader.Until()), DefaultExpiry*9/10-time.Second)
				a.gives(func() { b.out(one.Reader) })
				a.gives(func() { b.out(two.Reader) }, "next")
				require.Equal(b, next.Writer.Value(), b.writers()[0])
				if change != nil {
					require.Equal(b, was+1, next.Writer.Fence())
				}
				b.extended(next.Writer)
				a.gives(func() { b.out(next.Writer) }, "last")
				b.extended(last.Reader)
				b.out(last.Reader)
				b.free()
			})
		})
	}
}

// A waiting writer that gives up lets the readers in that came after it.
func TestWithdrawnWriterGrantsReaders(t *testing.T) {
	granting(t, func(b *bench) {
		a := b.arriving()
		holder, writer, reader := b.many(nil), b.many(nil), b.many(nil)
		b.in(holder.Reader)
		ctx, cancel := context.WithCancel(background)
		ended := begins(ctx, writer.Writer.Lock)
		time.Sleep(20 * ms)
		a.waits("reader", reader.Reader.Lock)
		a.gives(func() {
			cancel()
			require.Error(b, <-ended)
		}, "reader")
		b.out(holder.Reader)
		b.out(reader.Reader)
		b.free()
	})
}

// What a permit gives back goes to as many heads of the line as it serves, each with slots of
// its own.
func TestReleaseGrantsPermits(t *testing.T) {
	granting(t, func(b *bench) {
		a := b.arriving()
		big := b.take(b.permits(5), 4)
		small := b.take(b.permits(5), 1)
		var p [5]*Permit
		for i, n := range []int{1, 2, 1, 3} {
			a.waits(string(rune('a'+i)), a.acquires(b.permits(5), n, &p[i]))
		}
		a.gives(a.releases(&big), "a", "b", "c")
		require.Equal(b, [][]int{{0}, {1, 2}, {3}, {4}}, [][]int{p[0].Slots(), p[1].Slots(), p[2].Slots(), small.Slots()})
		for _, got := range p[:3] {
			require.Equal(b, got.Slots(), b.nodes[0].SlotsOf(got.Value()))
			require.Greater(b, time.Until(got.Until()), DefaultExpiry*9/10-time.Second)
			ok, err := got.Extend(background)
			require.True(b, ok, err)
		}
		a.gives(a.releases(&small))
		a.gives(a.releases(&p[2]))
		a.gives(a.releases(&p[0]), "d")
		require.Equal(b, []int{0, 3, 4}, p[3].Slots())
		a.releases(&p[1])()
		a.releases(&p[3])()
		b.nothingWaits()
	})
}

// Goroutines of one object share one ticket in the nodes' line: a permit that passes in
// memory leaves it as it is, for the one behind.
func TestTicketOfAQueueIsGranted(t *testing.T) {
	granting(t, func(b *bench) {
		a := b.arriving()
		ours, theirs := b.permits(2), b.permits(2)
		mine, other := b.take(ours, 1), b.take(theirs, 1)
		var p [2]*Permit
		a.waits("first", a.acquires(ours, 1, &p[0]))
		a.waits("second", a.acquires(ours, 1, &p[1]))
		ok, err := mine.Extend(background) // it passes on for a tenure
		require.True(b, ok, err)
		before := b.calls()
		a.releases(&mine)()
		require.Equal(b, "first", (<-a.at).who)
		time.Sleep(10 * ms)
		require.Equal(b, before, b.calls(), "it has passed in memory, with the ticket")
		a.gives(a.releases(&other), "second")
		require.NotEqual(b, p[0].Value(), p[1].Value())
		a.releases(&p[0])()
		a.releases(&p[1])()
		b.nothingWaits()
	})
}

// A call that is cancelled gives back what it was granted at that moment.
func TestCancelledWaitersLeaveNothing(t *testing.T) {
	for name, of := range map[string]func(b *bench) half{
		"writer": func(b *bench) half { return b.many(nil).Writer },
		"reader": func(b *bench) half { return b.many(nil).Reader },
		"permit": func(b *bench) half { return &onePermit{x: b.permits(1)} },
	} {
		t.Run(name, func(t *testing.T) {
			for _, late := range []time.Duration{-ms, 0, ms / 4, ms / 2, ms} {
				granting(t, func(b *bench) {
					holder := half(b.many(nil).Writer)
					if name == "permit" {
						holder = of(b)
					}
					first, second := of(b), of(b)
					b.in(holder)
					ctx, cancel := context.WithCancel(background)
					ended := begins(ctx, first.Lock)
					time.Sleep(20 * ms)
					a := b.arriving()
					a.waits("second", second.Lock)
					start := time.Now()
					time.AfterFunc(ms+late, cancel)
					time.Sleep(ms)
					b.out(holder)
					if err := <-ended; err == nil {
						b.out(first)
					} else {
						require.ErrorIs(b, err, context.Canceled)
					}
					require.Less(b, (<-a.at).at.Sub(start), 6*ms, "the next one has it")
					b.out(second)
					b.free()
					b.nothingWaits()
				})
			}
		})
	}
}

// A message that is lost costs a look, whatever is waited for.
func TestLostGrantsAreFoundByALook(t *testing.T) {
	granting(t, func(b *bench) {
		a := b.arriving()
		holder, writer, reader := b.many(nil), b.many(nil), b.many(nil)
		big := b.take(b.permits(2), 2)
		var p *Permit
		b.in(holder.Writer)
		a.waits("reader", reader.Reader.Lock)
		a.waits("permit", a.acquires(b.permits(2), 2, &p))
		b.nodes[0].Set(func() { b.nodes[0].LosesMessages = true })
		start := time.Now()
		b.out(holder.Writer)
		a.releases(&big)()
		for range 2 {
			require.LessOrEqual(b, (<-a.at).at.Sub(start), lookEvery+10*ms)
		}
		require.Equal(b, []int{0, 1}, p.Slots())
		a.waits("writer", writer.Writer.Lock)
		start = time.Now()
		b.out(reader.Reader)
		require.LessOrEqual(b, (<-a.at).at.Sub(start), lookEvery+10*ms)
		require.Equal(b, 3, b.nodes[0].Grants)
		b.out(writer.Writer)
		a.releases(&p)()
		b.nothingWaits()
	})
}

// A message that names no slots proves none.
func TestPermitNeedsTheSlotsOfItsGrant(t *testing.T) {
	granting(t, func(b *bench) {
		a := b.arriving()
		held := b.take(b.permits(1), 1)
		var p *Permit
		a.waits("one", a.acquires(b.permits(1), 1, &p))
		node := b.nodes[0]
		before := node.Ran(scripts.Semaphore().Acquire)
		for _, detail := range []string{"", ":", ":x", ":3-1", ":0-1"} {
			node.Set(func() {
				for _, line := range node.Lines {
					node.Publish(line[0].ID + "=" + string(rune('0'+line[0].Look)) + detail)
				}
			})
			time.Sleep(20 * ms)
			require.Empty(b, a.at, "it holds beside the holder")
		}
		require.Equal(b, before+5, node.Ran(scripts.Semaphore().Acquire), "a look each")
		a.releases(&held)()
		<-a.at
		a.releases(&p)()
		b.nothingWaits()
	})
}

// A writer that was killed keeps no reader out that comes later, while the lock is free.
func TestReaderPassesAnAbsentWriter(t *testing.T) {
	granting(t, func(b *bench) {
		b.set(func(l *fakenode.RW) {
			l.WaitingWriters.Enqueue("dead|1|8000|its token", int64(time.Minute/ms))
		}, 0)
		x := b.many(nil)
		start := time.Now()
		b.in(x.Reader)
		require.Less(b, time.Since(start), 2*lookEvery)
		b.out(x.Reader)
		b.set(func(l *fakenode.RW) { l.Clear() }, 0)
		b.nothingWaits()
	})
}

// A look of a writer may run after it has become a reader, and leaves a writer's ticket then. The
// release takes that away, too.
func TestDowngradedWriterTakesItsTicketAway(t *testing.T) {
	granting(t, func(b *bench) {
		x := b.many(nil)
		b.in(x.Writer)
		l := x.Writer.current().lease
		const id = "channel|1|8000|token"
		l.mu.Lock()
		l.ticketID = id // as while a look of it may be late
		l.mu.Unlock()
		require.NoError(b, x.Downgrade(background))
		b.set(func(l *fakenode.RW) { l.WaitingWriters.Enqueue(id, int64(time.Minute/ms)) }, 0)
		b.out(x.Reader)
		require.Equal(b, []int{0}, b.tickets())
		b.free()
	})
}

// Readers that come all the time pass a writer by for as long as nothing shows that it
// lives. One that looks has shown that, also where its process cannot subscribe.
func TestReadersDoNotPassAWriterThatCannotListen(t *testing.T) {
	granting(t, func(b *bench) {
		b.nodes[0].Set(func() { b.nodes[0].NoSubscriptions = true })
		const section = 500 * ms
		done := make(chan struct{})
		var reading sync.WaitGroup
		for i := range 2 { // each reads while the other comes
			reading.Go(func() {
				x := b.many(nil)
				for time.Sleep(time.Duration(i) * section / 2); ; {
					b.in(x.Reader)
					time.Sleep(section)
					b.out(x.Reader)
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		time.Sleep(2 * section)
		x, start := b.many(nil), time.Now()
		patient, cancel := context.WithTimeout(background, time.Minute)
		defer cancel()
		err := x.Writer.Lock(patient)
		took := time.Since(start)
		close(done)
		if err != nil {
			reading.Wait()
		}
		require.NoError(b, err)
		require.LessOrEqual(b, took, 2*section+lookEvery, "those that read have gone by then")
		b.out(x.Writer)
		reading.Wait()
		b.nothingWaits()
	})
}

// So it is with a mutex and a semaphore, where a release grants to others in line.
func TestOneThatCannotListenIsServed(t *testing.T) {
	mutex := func(b *bench) (in func(context.Context) error, out func()) {
		x := b.granted(func(c *Config) { c.Unlimited = true })
		return x.Lock, func() { b.unlock(x) }
	}
	permit := func(b *bench) (in func(context.Context) error, out func()) {
		x := b.permits(1)
		var p *Permit
		in = func(ctx context.Context) (err error) {
			p, err = x.Acquire(ctx, 1)
			return err
		}
		return in, func() {
			_, err := p.Release(background)
			require.NoError(b, err)
		}
	}
	for name, kind := range map[string]func(*bench) (in func(context.Context) error, out func()){"mutex": mutex, "semaphore": permit} {
		t.Run(name, func(t *testing.T) {
			granting(t, func(b *bench) {
				done := make(chan struct{})
				var crowd sync.WaitGroup
				for range 3 {
					crowd.Go(func() {
						for in, out := kind(b); ; {
							require.NoError(b, in(background))
							time.Sleep(20 * ms)
							out()
							select {
							case <-done:
								return
							default:
							}
						}
					})
				}
				time.Sleep(time.Second)
				b.nodes[0].Set(func() { b.nodes[0].NoSubscriptions = true })
				in, out := kind(b)
				patient, cancel := context.WithTimeout(background, time.Minute)
				defer cancel()
				start := time.Now()
				err := in(patient)
				t.Log(time.Since(start))
				if err == nil {
					out()
				}
				close(done)
				crowd.Wait()
				require.NoError(b, err)
				b.nothingWaits()
			})
		})
	}
}
