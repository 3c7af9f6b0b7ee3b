package outbox

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A host that hangs, or drops what it is sent, keeps a dial waiting. What needs to know
// whether the server answers must not wait for that again with every call.
func TestAServerThatIsNotReachedWithinABoundIsSilent(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.dial = takes(time.Second)
		p := w.post("a")
		time.Sleep(99 * time.Millisecond)
		synctest.Wait()
		assert.False(t, w.box.Silent(&p.call))
		time.Sleep(2 * time.Millisecond)
		require.ErrorIs(t, p.cause(), ErrSilent)
		assert.True(t, w.box.Silent(&p.call))
		time.Sleep(900 * time.Millisecond)
		synctest.Wait()
		assert.False(t, w.box.Silent(&p.call), "it was only slow to connect to")
	})
}

// A try for a lock that others have withdraws what was not sent, with each try.
func TestAServerIsSilentThoughNoCallHasWaitedForItsConnection(t *testing.T) {
	within(t, ofDials, func(w *world) {
		w.dial = takes(time.Second)
		for range 101 {
			p := w.post("a")
			time.Sleep(time.Millisecond)
			require.True(t, w.withdraw(p))
		}
		assert.True(t, w.box.Silent(&w.probes[0].call))
	})
}

func TestAServerWhoseConnectionsTimeOutIsSilent(t *testing.T) {
	for cause, silent := range map[error]bool{context.DeadlineExceeded: true, errRefused: false} {
		within(t, ofDials, func(w *world) {
			w.dial = func(string) (time.Duration, error) { return 10 * time.Millisecond, cause }
			p := w.post("a")
			time.Sleep(20 * time.Millisecond)
			require.ErrorIs(t, p.cause(), cause)
			assert.Equal(t, silent, w.box.Silent(&p.call))
			w.change(func(f *faults) { f.dial = nil })
			again := w.post("b")
			assert.Equal(t, []string{"answered"}, again.saw())
			assert.False(t, w.box.Silent(&p.call))
		})
	}
}

// A new connection ends no silence that the server has shown on another one.
func TestAServerThatAcceptsConnectionsIsSilentUntilItAnswers(t *testing.T) {
	within(t, ofDials, func(w *world) {
		end := w.hang()
		p := w.post("a")
		time.Sleep(overdue*100*time.Millisecond + time.Millisecond)
		before := w.dialed()
		w.post("b", bound(time.Minute))
		assert.Equal(t, before+1, w.dialed())
		assert.True(t, w.box.Silent(&p.call))
		end()
		synctest.Wait()
		assert.False(t, w.box.Silent(&p.call))
	})
}
