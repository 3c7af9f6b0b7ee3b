package driver_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
)

func TestFailoverDetector(t *testing.T) {
	readOnly := errors.New("READONLY You can't write against a read only replica.")
	for _, c := range []struct {
		err   error
		wrong bool
	}{
		{&driver.ReplyError{Err: readOnly}, true},
		{&driver.ReplyError{Err: fmt.Errorf("hook: %w", readOnly)}, true},
		{fmt.Errorf("adapter: %w", &driver.ReplyError{Err: errors.New("LOADING Redis is loading the dataset in memory")}), true},
		{&driver.ReplyError{Err: errors.New("MASTERDOWN Link with MASTER is down")}, true},
		{&driver.ReplyError{Err: errors.New("WRONGTYPE not that")}, false},
		{readOnly, false}, // not the server's
		{io.EOF, false},
		{nil, false},
	} {
		var detector driver.FailoverDetector
		before := detector.Watch()
		require.Equal(t, c.wrong, detector.Observe(c.err), "%v", c.err)
		require.Equal(t, c.wrong, before() != nil, "%v", c.err)
		require.NoError(t, detector.Watch()(), "what is opened after it is at the new server")
	}
}
