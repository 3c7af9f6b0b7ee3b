package rwmutex_test

import (
	"context"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	goredisclient "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/rwmutex"
)

var oddNames = map[string]string{
	"spaces":       " a b  ",
	"braces":       "a{b}c",
	"empty braces": "{}",
	"half braces":  "}x{",
	"NUL":          "\x00",
	"line breaks":  "a\r\n*1\r\n$8\r\nFLUSHALL\r\n",
	"4 KB":         strings.Repeat("0123456789abcdef", 256),
	"not UTF-8":    "\xff\xfe\x80",
	"UTF-8":        "Schlüssel 鍵",
	"format verbs": "%s%d%!",
	"quotes":       `"'` + "`",
}

// useOnce makes every call that a lock has, with others who are refused.
func useOnce(t *testing.T, rw, other *rwmutex.RWMutex) {
	t.Helper()
	require.NoError(t, rw.Lock())
	requireYes(t, rw.Extend)
	requireYes(t, rw.Valid)
	requireReadable(t, other.TryRLock())
	require.NoError(t, rw.Downgrade(context.Background()))
	requireYes(t, rw.RExtend)
	requireReadable(t, other.TryLock())
	require.NoError(t, other.TryRLock())
	requireYes(t, other.RUnlock)
	requireYes(t, rw.RUnlock)
	requireReadable(t, requireNo(t, rw.RUnlock))
	require.NoError(t, rw.RLock())
	requireYes(t, rw.RUnlock)
	require.NoError(t, rw.Lock())
	requireYes(t, rw.Unlock)
	settle(t)
}

// An odd name is as good as any other, and readable in an error.
func TestOddNames(t *testing.T) {
	nodes := redistest.Start(t, 1)
	for name, odd := range oddNames {
		t.Run(name, func(t *testing.T) {
			withEach(t, nodes, func(t *testing.T, w *world) {
				w.name += odd
				rw := w.rwmutex()
				assert.Equal(t, w.name, rw.Name())
				useOnce(t, rw, w.rwmutex())
				assert.Empty(t, nodes[0].Do(t, "KEYS", "holdfast-test:TestOddNames*"), "a key was left behind")
			})
		})
	}
}

// requireReadable checks that an error's text does no harm to a log.
func requireReadable(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	text := err.Error()
	assert.True(t, utf8.ValidString(text), "%q", text)
	assert.Less(t, len(text), 400, "%q", text)
	for _, r := range text {
		assert.True(t, unicode.IsPrint(r), "%q in %q", r, text)
	}
}

// All keys of a lock begin with its name and are in its hash slot, as the server
// counts it.
func TestKeysAreInTheSlotOfTheName(t *testing.T) {
	cluster := redistest.NewCluster(t)
	slot := func(key string) any { return cluster.Nodes[0].Do(t, "CLUSTER", "KEYSLOT", key) }
	client := goredisclient.NewClusterClient(&goredisclient.ClusterOptions{Addrs: cluster.Addrs()})
	t.Cleanup(func() { _ = client.Close() })
	for name, odd := range oddNames {
		for _, lock := range []string{odd, "catalog" + odd, "{catalog}" + odd} {
			s := &spy{Pool: goredis.NewPool(client)}
			rw := rwmutex.New(s).NewRWMutex(lock, rwmutex.WithExpiry(expiry))
			useOnce(t, rw, rwmutex.New(s).NewRWMutex(lock, rwmutex.WithExpiry(expiry)))
			seen := make(map[any]bool)
			for _, call := range s.sent() {
				for _, key := range call.Keys() {
					seen[key] = true
				}
			}
			require.GreaterOrEqual(t, len(seen), 3)
			for key := range seen {
				assert.True(t, strings.HasPrefix(key.(string), lock), "%s: %q", name, key)
				assert.Equal(t, slot(lock), slot(key.(string)), "%s: %q", name, key)
			}
		}
	}
}

// Who may use the keys that begin with a name may use its lock, and no other.
func TestKeysAreUnderThePatternOfTheName(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	for _, name := range []string{"catalog", "a{b}c", "{}", "}x{"} {
		node := redistest.StartOne(t, redistest.WithConfig("user default on nopass ~"+name+"* +@all"))
		w := newWorld(t, clients[0], []*redistest.Node{node})
		w.name = name
		useOnce(t, w.rwmutex(), w.rwmutex())
		w.name = "other"
		for _, lock := range []func() error{w.rwmutex().TryLock, w.rwmutex().TryRLock} {
			err := lock()
			require.ErrorIs(t, err, rwmutex.ErrFailed)
			require.ErrorContains(t, err, "NOPERM")
		}
	}
}

// Names that look alike are different locks.
func TestNamesAreTakenAsTheyAre(t *testing.T) {
	withEach(t, redistest.Start(t, 1), func(t *testing.T, w *world) {
		f := w.factory()
		var held []*rwmutex.RWMutex
		for _, suffix := range []string{"", " ", "\x00", "{}", "{", "}", "A", "a", ":rwmutex:writer"} {
			rw := f.NewRWMutex(w.name+suffix, rwmutex.WithExpiry(expiry))
			require.NoError(t, rw.TryLock(), "%q", suffix)
			held = append(held, rw)
		}
		for _, rw := range held {
			requireYes(t, rw.Unlock)
		}
		settle(t)
	})
}
