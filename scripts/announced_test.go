package scripts_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// announcing is the reply to a caller with a ticket: a release notifies it within ms.
func announcing(ms int64) int64 { return -1000 - ms }

// announced is that where the lease in the way lasts long.
var announced = announcing(long)

// requireReply compares replies. What a hold lasts yet is known but for what the test takes.
func requireReply(t *testing.T, want, got any) {
	t.Helper()
	want, ends := ending(want)
	if ends == 0 {
		assert.EqualValues(t, want, got)
		return
	}
	got, left := ending(got)
	assert.EqualValues(t, want, got)
	assert.InDelta(t, ends, left, 60_000)
	assert.LessOrEqual(t, left, ends)
}

// ending is a reply without the time after which the lease ends that it announces, and
// that time; 0 if it announces none.
func ending(reply any) (rest any, ms int64) {
	switch reply := reply.(type) {
	case int64:
		if reply <= -1000 {
			return int64(-1000), -1000 - reply
		}
	case string:
		if i := strings.LastIndex(reply, " "); strings.Count(reply, " ") == 3 {
			ms, _ = strconv.ParseInt(reply[i+1:], 10, 64)
			return reply[:i], ms
		}
	}
	return reply, 0
}

// A waiter in line learns whether the holder is one of Holdfast's, whose release notifies
// it, and how long that lasts. Others' tokens have another form.
func TestHolderThatNotifies(t *testing.T) {
	const ours = "01990b3e-5a7c-7d21-9b0a-3f4de2a1c0ff"
	node := redistest.StartOne(t)
	for holder, reply := range map[string]int64{
		ours:                                   announced,
		ours + "@cron-7f9c/4211":               announced,
		"ZGVhZGJlZWZkZWFkYmVlZg==":             0, // redsync's
		"5b8f1c1e-9a3d-4c55-8d8e-0f2d6a7b9c10": 0, // of version 4
		"x" + ours:                             0,
		"7":                                    0,
	} {
		for _, c := range []struct {
			script *scripts.Script
			kind   string
		}{
			{scripts.Mutex().Acquire, "mutex"}, {scripts.Mutex().AcquireFenced, "mutex"},
			{scripts.RWMutex().WriteAcquire, "rw"}, {scripts.RWMutex().WriteAcquireFenced, "rw"}, {scripts.RWMutex().ReadAcquire, "rw"},
		} {
			t.Run(fmt.Sprint(c.script.Name(), " behind ", holder), func(t *testing.T) {
				name := redistest.Name(t)
				keys := []any{name, name + "a", name + "b", name + "c", name + "d", name + "e"}
				switch c.script {
				case scripts.Mutex().Acquire:
					keys = keys[:3]
				case scripts.Mutex().AcquireFenced:
					keys = keys[:4]
				case scripts.RWMutex().WriteAcquire, scripts.RWMutex().ReadAcquire:
					keys = keys[:5]
				}
				run := func(args ...any) any {
					if strings.HasSuffix(c.script.Name(), "_fenced") {
						args = append(args, 1)
					}
					return node.Do(t, append(append([]any{"EVAL", c.script.Source(), len(keys)}, keys...), args...)...)
				}
				node.Do(t, "SET", name, holder, "PX", long)
				requireReply(t, reply, run("mine", short, "c|1", short, "mine"))
				requireReply(t, reply, run("mine", short, "c|1", short, "mine"))
				requireReply(t, 0, run("mine", short, "", 0, "mine"))
				node.Do(t, "SET", name, holder)
				endless := reply
				if reply != 0 {
					endless = announcing(0)
				}
				require.EqualValues(t, endless, run("mine", short, "c|1", short, "mine"), "it has no end")
				node.Do(t, append([]any{"DEL"}, keys...)...)
			})
		}
	}
}
