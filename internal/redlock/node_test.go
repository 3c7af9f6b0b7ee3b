package redlock

import (
	"context"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
)

// socketDeadline is what a client returns whose socket's deadline has passed.
func socketDeadline() error {
	return fmt.Errorf("client: %w", &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded})
}

// The client's own error is still found in it.
func TestTimeoutOfASocketKeepsItsCause(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.Fault = func(*driver.Call) error { return socketDeadline() }
		}
		b.nodes[2].Before = always(ms) // so that it is not one of the two that decide
		err := b.object(nil).TryLock(context.Background())
		require.ErrorContains(t, err, "node #0: no answer in time: client: read tcp: i/o timeout")
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		require.True(t, b.engine.nodes[0].Silent(new(driver.Call)))
		b.nothingLeft()
	})
}
