package redlock

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

// A server that was stopped reads what waited in its sockets when it goes on, and what
// is between it and its client may still have what was sent on a connection that broke:
// an acquire may run after the release that was sent next.
func TestRequestThatRunsAfterItsReleaseIsReleased(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		after time.Duration
	}{
		"it timed out":         {context.DeadlineExceeded, 5 * ms}, // which a socket's deadline is like
		"the connection broke": {io.ErrUnexpectedEOF, 5 * ms},
		"it took long":         {io.ErrUnexpectedEOF, 300 * ms},
	} {
		t.Run(name, func(t *testing.T) { runsAfterItsRelease(t, c.err, c.after) })
	}
}

func runsAfterItsRelease(t *testing.T, err error, after time.Duration) {
	bubble(t, 3, func(b *bench) {
		stopped := b.nodes[2]
		first := once("mutex_acquire")
		stopped.Fault = func(call *driver.Call) error {
			if !first(call) {
				return nil
			}
			time.AfterFunc(after, func() {
				stopped.Mu.Lock()
				defer stopped.Mu.Unlock()
				stopped.Run(call)
			})
			return err
		}
		x := b.object(nil)
		b.lock(x)
		token := x.Value()
		b.unlock(x)
		time.Sleep(after + ms)
		require.Equal(t, token, stopped.Holder("name"), "the acquire ran after the release")
		time.Sleep(time.Second)
		b.nothingLeft()
		require.Equal(t, 1+releasesAgain, stopped.Ran(scripts.Mutex().Release))
	})
}
