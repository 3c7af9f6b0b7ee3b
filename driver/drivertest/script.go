package drivertest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// check is a real call: does token hold key?
func check(key, token string) *driver.Call {
	call := driver.NewCall(scripts.Mutex().Check, []any{key}, token)
	return &call
}

// acquire is a real call that writes.
func acquire(key, token string) *driver.Call {
	call := driver.NewCall(scripts.Mutex().Acquire, []any{key}, token, int64(60_000), "", int64(0))
	return &call
}

// keyMissing is the reply of check for a key that is not there.
const keyMissing = int64(-1)

// custom is a call of any Lua text, which it loads into the node first.
//
// Calls are made of the package scripts' own files only. This one takes the
// place of one of them: the digest in the command is the other text's.
func custom(t testing.TB, node *redistest.Node, lua string, keys []any, args ...any) *driver.Call {
	t.Helper()
	digest, ok := node.Do(t, "SCRIPT", "LOAD", lua).(string)
	require.True(t, ok)
	call := driver.NewCall(scripts.Mutex().Check, keys, args...)
	call.Command()[1] = digest
	return &call
}
