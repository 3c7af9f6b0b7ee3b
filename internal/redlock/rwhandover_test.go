package redlock

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

// readLater has n goroutines wait for the reader's half, one behind the other.
func (b *bench) readLater(x *RW, n int) (got []<-chan error) {
	for range n {
		got = append(got, begins(background, x.Reader.Lock))
	}
	return got
}

func TestWriterIsFollowedByItsReadersInOneRoundTrip(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		hearing(t, n, func(b *bench) {
			x := b.rw(nil)
			b.in(x.Writer)
			time.Sleep(ms) // until every node has answered
			got := b.readLater(x, 3)
			start := time.Now()
			b.out(x.Writer)
			for _, err := range got {
				require.NoError(t, <-err)
			}
			require.Equal(t, start.Add(ms), time.Now())
			require.Equal(t, start.Add(x.Reader.spec.lifetime()), x.Reader.Until(), "a full expiry from the hand-over on")
			require.NotEqual(t, x.Writer.Value(), x.Reader.current().token.value, "a token of its own")
			for _, node := range b.nodes {
				require.Equal(t, []string{"rwmutex_write_acquire", "rwmutex_read_handover"}, node.history())
			}
			require.Equal(t, slices.Repeat([]int{1}, n), b.leases())
			_, err := x.Writer.Unlock(background)
			require.ErrorIs(t, err, errNotHeld)
			b.extended(x.Reader)
			for range got {
				b.out(x.Reader)
			}
			b.free()
		})
	}
}

// A writer that waits at another process stops all readers but the one that came
// first: it gets in as soon as that one has gone.
func TestWriterOfAnotherProcessWaitsForOneReader(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		hearing(t, n, func(b *bench) {
			x, other := b.rw(nil), b.elsewhere().rw(nil)
			b.in(x.Writer)
			theirs := begins(background, other.Writer.Lock)
			got := b.readLater(x, 3)
			time.Sleep(20 * ms)
			b.out(x.Writer)
			require.NoError(t, <-got[0])
			time.Sleep(20 * ms)
			b.waits(got[1], got[2], theirs)
			b.out(x.Reader)
			require.NoError(t, <-theirs)
			b.waits(got[1], got[2])
			b.out(other.Writer)
			require.NoError(t, <-got[1])
			require.NoError(t, <-got[2])
			b.out(x.Reader)
			b.out(x.Reader)
			time.Sleep(time.Second)
			b.free()
		})
	}
}

// Readers of other processes, who wait for the writer too, are told.
func TestReadersOfAnotherProcessAreToldOfAHandover(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x, other := b.rw(nil), b.elsewhere().rw(nil)
		b.in(x.Writer)
		theirs := begins(background, other.Reader.Lock)
		got := b.readLater(x, 1)
		time.Sleep(20 * ms)
		start := time.Now()
		b.out(x.Writer)
		require.NoError(t, <-got[0])
		require.NoError(t, <-theirs)
		require.Less(t, time.Since(start), 10*ms)
		b.out(x.Reader)
		b.out(other.Reader)
		time.Sleep(time.Second)
		b.free()
	})
}

// What a minority does not hear of is made good: the old token is released there, and
// the lease repaired by its first extension.
func TestHandoverToReadersWithoutAMinority(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Writer)
		got := b.readLater(x, 1)
		b.failing(scripts.RWMutexReadHandover, errLostReply, 2)
		b.out(x.Writer)
		require.NoError(t, <-got[0])
		time.Sleep(time.Second)
		require.Equal(t, []string{"", "", ""}, b.writers())
		b.extended(x.Reader)
		time.Sleep(2 * ms) // for the repair
		require.Equal(t, []int{1, 1, 1}, b.leases())
		b.out(x.Reader)
		time.Sleep(time.Second)
		b.free()
	})
}

// Without a majority the write hold is released, and the readers ask for themselves.
func TestHandoverToReadersThatFails(t *testing.T) {
	for name, fault := range map[string]error{"refused": &driver.ReplyError{Err: errLostReply}, "lost": errLostReply} {
		t.Run(name, func(t *testing.T) {
			hearing(t, 3, func(b *bench) {
				x := b.rw(nil)
				b.in(x.Writer)
				got := b.readLater(x, 2)
				b.failing(scripts.RWMutexReadHandover, fault, 0, 1)
				b.out(x.Writer)
				require.NoError(t, <-got[0])
				require.NoError(t, <-got[1])
				require.Positive(t, b.asked(scripts.RWMutexReadAcquire))
				b.out(x.Reader)
				b.out(x.Reader)
				time.Sleep(time.Second)
				b.free()
			})
		})
	}
}

// A lease that nobody is there to take any more is released; whoever is next instead
// asks the nodes.
func TestLeaseForReadersThatHaveGone(t *testing.T) {
	for name, writes := range map[string]bool{"nobody is next": false, "a writer is next": true} {
		t.Run(name, func(t *testing.T) {
			hearing(t, 3, func(b *bench) {
				x := b.rw(func(c *Config) { c.Unlimited, c.AutoExtend = true, true })
				b.in(x.Writer)
				ctx, cancel := context.WithCancel(background)
				reader := begins(ctx, x.Reader.Lock)
				var next <-chan error
				if writes {
					next = begins(background, x.Writer.Lock)
				}
				time.AfterFunc(ms/2, cancel)
				b.out(x.Writer)
				require.ErrorIs(t, <-reader, context.Canceled)
				require.Equal(t, 1, b.asked(scripts.RWMutexReadHandover))
				if writes {
					require.NoError(t, <-next)
					b.out(x.Writer)
				}
				time.Sleep(time.Second)
				b.free()
				require.True(t, x.Reader.Until().IsZero(), "nobody ever read")
				b.in(x.Writer)
				b.out(x.Writer)
			})
		})
	}
}

// Readers end a chain: after the most hand-overs in a row they ask like anybody else.
func TestHandoverToReadersAfterAChain(t *testing.T) {
	hearing(t, 1, func(b *bench) {
		x := b.rw(nil)
		b.in(x.Writer)
		var writers []<-chan error
		for range mostHandovers {
			writers = append(writers, begins(background, x.Writer.Lock))
		}
		got := b.readLater(x, 2)
		b.out(x.Writer)
		for _, writer := range writers {
			require.NoError(t, <-writer)
			b.out(x.Writer)
		}
		require.NoError(t, <-got[0])
		require.NoError(t, <-got[1])
		require.Equal(t, mostHandovers, b.asked(scripts.RWMutexWriteHandover))
		require.Zero(t, b.asked(scripts.RWMutexReadHandover))
		b.out(x.Reader)
		b.out(x.Reader)
		b.free()
	})
}

// Tokens of the user's own may not be unique, so they are not passed on.
func TestValuesOfTheUsersOwnAreNotPassedOnToReaders(t *testing.T) {
	hearing(t, 1, func(b *bench) {
		x := b.rw(func(c *Config) { c.SetGenValue(func() (string, error) { return "mine", nil }) })
		b.in(x.Writer)
		got := b.readLater(x, 1)
		b.out(x.Writer)
		require.NoError(t, <-got[0])
		require.Zero(t, b.asked(scripts.RWMutexReadHandover))
		b.out(x.Reader)
		b.free()
	})
}

// The lease that takes over is renewed as any other, and a numbered writer's number is
// below that of the next one.
func TestHandoverToReadersFromANumberedWriterThatRenews(t *testing.T) {
	hearing(t, 3, func(b *bench) {
		x := b.rw(func(c *Config) { c.Fencing, c.AutoExtend = true, true })
		b.in(x.Writer)
		first := x.Writer.Fence()
		got := b.readLater(x, 1)
		b.out(x.Writer)
		require.NoError(t, <-got[0])
		time.Sleep(time.Hour)
		require.Equal(t, []int{1, 1, 1}, b.leases())
		b.out(x.Reader)
		b.in(x.Writer)
		require.Greater(t, x.Writer.Fence(), first)
		b.out(x.Writer)
		synctest.Wait()
		b.free()
	})
}
