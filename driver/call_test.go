package driver_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

func TestCallOfAScript(t *testing.T) {
	script := scripts.Mutex().Check
	call := driver.NewCall(script, []any{"key", "other"}, "token", int64(5))
	require.Equal(t, []any{"evalsha", script.SHA1(), 2, "key", "other", "token", int64(5)}, call.Command())
	require.Equal(t, []any{"eval", script.Source(), 2, "key", "other", "token", int64(5)}, call.SourceCommand())
	require.Equal(t, "evalsha", call.Command()[0], "SourceCommand is a copy")
	require.Equal(t, []any{"key", "other"}, call.Keys())
	require.Equal(t, []any{"token", int64(5)}, call.Args())
	require.Same(t, script, call.Script())
	require.Equal(t, "mutex_check", call.Name())
}

func TestCallOfACommand(t *testing.T) {
	call := driver.NewCommand("set", []any{"key"}, "token", "NX", "PX", int64(5))
	require.Equal(t, []any{"set", "key", "token", "NX", "PX", int64(5)}, call.Command())
	require.Equal(t, []any{"key"}, call.Keys())
	require.Equal(t, []any{"token", "NX", "PX", int64(5)}, call.Args())
	require.Equal(t, "set", call.Name())
	require.Nil(t, call.Script())
	require.Nil(t, call.SourceCommand())
	_, ok := call.WithoutQueue()
	require.False(t, ok)
}

// The queue's keys and the waiter's ticket stay away.
func TestCallWithoutQueue(t *testing.T) {
	call := driver.NewCall(scripts.Mutex().Acquire, []any{"key", "line", "waiters"}, "token", int64(5), "channel|1", int64(9))
	without, ok := call.WithoutQueue()
	require.True(t, ok)
	require.Equal(t, []any{"key"}, without.Keys())
	require.Equal(t, []any{"token", int64(5), "", int64(9)}, without.Args())
	require.Equal(t, "channel|1", call.Args()[2], "a copy")
	check := driver.NewCall(scripts.Mutex().Extend, []any{"key"}, "token", int64(5))
	_, ok = check.WithoutQueue()
	require.False(t, ok, "it has no such keys")
}
