package quorum

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
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
			a := refused(cause)
			require.ErrorIs(t, a.Err, ErrNoAnswer)
			require.EqualError(t, a.Err, "no answer in time: "+cause.Error())
			require.NotErrorIs(t, a.Err, context.DeadlineExceeded, "the caller's ctx has not ended")
			require.NotErrorIs(t, a.Err, context.Canceled)
			require.True(t, timedOut(a.Err), "users ask so")
		})
	}
}

func TestASilentServerIsATimeoutToo(t *testing.T) {
	a := unsent(outbox.ErrSilent)
	require.Equal(t, outbox.ErrSilent, a.Err)
	require.True(t, timedOut(a.Err))
	require.False(t, timedOut(unsent(outbox.ErrCrowded).Err))
	require.True(t, timedOut(ErrNoAnswer))
}

func TestErrorsThatAreNoTimeoutsStayWhatTheyAre(t *testing.T) {
	reset := &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}
	reply := &driver.ReplyError{Err: os.ErrDeadlineExceeded} // the server's answer, whatever it says
	for _, cause := range []error{reset, reply} {
		require.Equal(t, cause, refused(cause).Err)
	}
}
