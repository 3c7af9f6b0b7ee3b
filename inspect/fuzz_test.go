package inspect_test

import (
	"testing"
	"time"
	"unicode/utf8"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/inspect"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// fillings put something into a key.
var fillings = []func(key any, text string) []any{
	func(key any, text string) []any { return []any{"DEL", key} },
	func(key any, text string) []any { return []any{"SET", key, text} },
	func(key any, text string) []any { return []any{"SET", key, text, "PX", 60_000} },
	func(key any, text string) []any { return []any{"RPUSH", key, text} },
	func(key any, text string) []any { return []any{"HSET", key, text, text} },
	func(key any, text string) []any { return []any{"SADD", key, text} },
	func(key any, text string) []any {
		return []any{"ZADD", key, "inf", text, "-inf", "0:" + text, "1e300", "|" + text, "-inf", "-|" + text, -1e300, "-"}
	},
	func(key any, text string) []any {
		return []any{"ZADD", key, 4e15, text, 4e15, "0:" + text, 4e15, "1:" + text, 0.5, "2:" + text, -7, "3:" + text, -23e14, "-" + text}
	},
}

// Whatever is in a lock's keys, under whatever name, a question for it ends, with a status
// or with an error that says what is wrong. It writes nothing, and what it shows can be
// released.
func FuzzKeys(f *testing.F) {
	for _, name := range []string{"plain", "a{}b", "x}y", "{}", "{tag}:1", "\x00\xff", "naïve ü", "a\nb", `a"b`, "*?[", "-n", "%s"} {
		for i := range fillings {
			f.Add(name, "01990b3e-5a7c-7d21-9b0a-3f4de2a1c0ff@host", uint64(i)*0x11111111)
			f.Add(name, "ch|1@me:2:5", uint64(i)<<12|7<<3)
		}
	}
	node := redistest.StartOne(f)
	client := redis.NewClient(&redis.Options{Addr: node.Addr()})
	f.Cleanup(func() { _ = client.Close() })
	in := inspect.New(goredis.NewPool(client))
	f.Fuzz(func(t *testing.T, name, text string, how uint64) {
		for kind, look := range looks {
			if name == "" {
				t.Skip("an empty name is refused before: see TestBadUse")
			}
			keys := keysOf(look, name)
			node.Do(t, append([]any{"DEL"}, keys...)...)
			for i, key := range keys {
				node.Do(t, fillings[how>>(4*i)%uint64(len(fillings))](key, text)...)
			}
			before := dump(t, node, keys)
			status, err := look(in)(t.Context(), name)
			require.Equal(t, before, dump(t, node, keys), "it writes")
			if err != nil {
				require.True(t, driver.IsReply(err), "%s: %v", kind, err)
				continue
			}
			require.GreaterOrEqual(t, status.Held, len(status.Holders))
			require.GreaterOrEqual(t, status.Waiting, len(status.Waiters))
			for _, h := range status.Holders {
				require.GreaterOrEqual(t, h.Remaining, time.Duration(0))
				if h.Value != "" {
					_, err := in.Release(t.Context(), h)
					require.NoError(t, err)
				}
			}
			node.Do(t, append([]any{"DEL"}, keys...)...)
		}
	})
}

// dump is all that is in the keys, or where the server cannot dump it, of what types they
// are.
func dump(t *testing.T, node *redistest.Node, keys []any) (found []any) {
	for _, key := range keys {
		content, err := node.TryDo("DUMP", key)
		if err != nil {
			content = node.Do(t, "TYPE", key)
		}
		found = append(found, content, node.Do(t, "PTTL", key).(int64) > 0)
	}
	return found
}

// The owner and the time of a token are read from Holdfast's only, and nothing is made of
// others.
func FuzzToken(f *testing.F) {
	for _, token := range []string{
		"01990b3e-5a7c-7d21-9b0a-3f4de2a1c0ff", "01990b3e-5a7c-7d21-9b0a-3f4de2a1c0ff@a@b", "01990b3e-5a7c-7d21-9b0a-3f4de2a1c0ffx",
		"5b8f1c1e-9a3d-4c55-8d8e-0f2d6a7b9c10@x", "ZGVhZGJlZWZkZWFkYmVlZg==", "x@y", "01990b3e-5a7c-7d21-9b0a-3f4de2a1c0ff@", "", "{01990b3e-5a7c-7d21-9b0a-3f4de2a1c0ff}",
	} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		owner, since := inspect.ParseToken(token)
		if since.IsZero() {
			assert.Empty(t, owner)
			return
		}
		assert.Equal(t, token[36:], afterUUID(owner))
		assert.True(t, utf8.ValidString(token[:36]))
		assert.Equal(t, byte('7'), token[14])
	})
}

// afterUUID is what a token has after its UUID.
func afterUUID(owner string) string {
	if owner == "" {
		return ""
	}
	return "@" + owner
}
