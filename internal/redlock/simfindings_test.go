package redlock

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// What TestSimulation has found, made small.

// A reader that finds its object's lease over and not given back waits for that. It
// once asked again without a pause, for as long as it took: its ticket, of a wait with
// shorter delays, would have ended before the next try, and no try renewed it, as
// none asked a node. The bubble's time stood still then.
func TestReaderWaitsForALeaseThatIsOver(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		delay := 50 * ms
		x := b.rw(func(c *Config) {
			c.Expiry = 2 * time.Second
			c.RetryDelay = func(int) time.Duration { return delay }
		})
		elsewhere := (&bench{b.T, New(pools(b.nodes)...), b.nodes}).rw(nil)
		b.in(elsewhere.Writer)
		waits := begins(background, x.Reader.Lock)
		time.Sleep(200 * ms) // it has left a ticket, for short delays
		b.out(elsewhere.Writer)
		require.NoError(t, <-waits)
		time.Sleep(3 * time.Second) // its lease is over
		delay = 10 * time.Second
		second := begins(background, x.Reader.Lock)
		time.Sleep(time.Second)
		ok, err := x.Reader.Unlock(background)
		require.False(t, ok)
		require.ErrorIs(t, err, ErrLockAlreadyExpired)
		synctest.Wait()
		require.NoError(t, <-second)
		b.out(x.Reader)
	})
}
