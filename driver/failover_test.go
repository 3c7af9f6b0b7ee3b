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
		{&driver.ReplyError{Err: fmt.Errorf("%w: %w", io.EOF, readOnly)}, true},
		{&driver.ReplyError{Err: errors.New("ERR Protocol error: invalid bulk length")}, true},
		{&driver.ReplyError{Err: errors.New("Protocol error: invalid bulk length")}, true}, // as some clients have it
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

// Every reply of a batch is looked at.
func TestFailoverDetectorOfABatch(t *testing.T) {
	readOnly := driver.Reply{Err: &driver.ReplyError{Err: errors.New("READONLY You can't write against a read only replica.")}}
	fine, other := driver.Reply{Value: int64(1)}, driver.Reply{Err: io.EOF}
	for _, c := range []struct {
		replies []driver.Reply
		wrong   bool
	}{
		{nil, false},
		{[]driver.Reply{fine, other}, false},
		{[]driver.Reply{readOnly, fine, other}, true},
		{[]driver.Reply{fine, other, readOnly}, true},
	} {
		var detector driver.FailoverDetector
		before := detector.Watch()
		require.Equal(t, c.wrong, detector.ObserveBatch(c.replies))
		require.Equal(t, c.wrong, before() != nil)
	}
}
