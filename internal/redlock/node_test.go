package redlock

import (
	"context"
	"errors"
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

func TestEveryTimeoutReadsAsNoAnswerInTime(t *testing.T) {
	for name, cause := range map[string]error{
		"socket's deadline":  socketDeadline(),
		"dial":               &net.OpError{Op: "dial", Net: "tcp", Err: os.ErrDeadlineExceeded},
		"context's deadline": fmt.Errorf("client: %w", context.DeadlineExceeded),
		"context's end":      context.Canceled,
	} {
		t.Run(name, func(t *testing.T) {
			a := New(newFake()).nodes[0].refused(cause)
			require.ErrorIs(t, a.err, errNoAnswer)
			require.EqualError(t, a.err, "no answer in time: "+cause.Error())
			require.NotErrorIs(t, a.err, context.DeadlineExceeded, "the caller's ctx has not ended")
			require.NotErrorIs(t, a.err, context.Canceled)
		})
	}
}

// Whoever knows the client's own error still finds it.
func TestTimeoutOfASocketKeepsItsCause(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.fault = func(*driver.Call) error { return socketDeadline() }
		}
		b.nodes[2].before = always(ms) // so that it is not one of the two that decide
		err := b.object(nil).TryLock(context.Background())
		require.ErrorContains(t, err, "node #0: no answer in time: client: read tcp: i/o timeout")
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		var op *net.OpError
		require.ErrorAs(t, err, &op)
		require.True(t, b.engine.nodes[0].box.Silent(new(driver.Call)))
		b.nothingLeft()
	})
}

func TestErrorsThatAreNoTimeoutsStayWhatTheyAre(t *testing.T) {
	reset := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
	reply := &driver.ReplyError{Err: os.ErrDeadlineExceeded} // the server's word, whatever it says
	for _, cause := range []error{reset, reply} {
		n := New(newFake()).nodes[0]
		require.Equal(t, cause, n.refused(cause).err)
	}
}
