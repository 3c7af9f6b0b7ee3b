package redistest

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Receiver is a subscription of any driver.
type Receiver interface {
	Receive() (string, error)
	Close() error
}

// RequireArrives has a node of a Cluster publish again and again until the message arrives,
// for a minute at most. Between nodes messages are lost while they connect anew, as they do
// when one was silent for half of the node timeout. A loaded machine makes it so.
func RequireArrives(t testing.TB, sub Receiver, from *Node, channel, payload string) {
	t.Helper()
	var publishing sync.WaitGroup
	arrived := make(chan struct{})
	publishing.Go(func() {
		again, late := time.NewTicker(time.Second), time.After(time.Minute)
		defer again.Stop()
		for {
			_, err := from.TryDo("PUBLISH", channel, payload)
			assert.NoError(t, err)
			select {
			case <-again.C:
			case <-late:
				_ = sub.Close() // the driver has lost it, which fails the test
				return
			case <-arrived:
				return
			}
		}
	})
	defer publishing.Wait()
	defer close(arrived)
	for got := ""; got != payload; { // or is an earlier one, once more
		var err error
		got, err = sub.Receive()
		require.NoError(t, err)
	}
}
