package mutex_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/mutex"
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

// An odd name is a key as any other, and readable in an error.
func TestOddNames(t *testing.T) {
	nodes := redistest.Start(t, 1)
	for name, odd := range oddNames {
		t.Run(name, func(t *testing.T) {
			withEach(t, nodes, func(t *testing.T, w *world) {
				w.name += odd
				m, other := w.mutex(), w.mutex()
				assert.Equal(t, w.name, m.Name())
				require.NoError(t, m.Lock())
				w.awaitHolder(m.Value())
				requireYes(t, m.Extend)
				requireYes(t, m.Valid)
				requireReadable(t, other.TryLock())
				requireYes(t, m.Unlock)
				w.awaitFree()
				requireReadable(t, requireNo(t, m.Unlock))
			})
		})
	}
}

// The name alone, with nothing that a test has put before it.
func TestOddNamesInErrors(t *testing.T) {
	refusing := stub(func(*driver.Call) (any, error) { return int64(0), nil })
	for name, odd := range oddNames {
		err := mutex.New(refusing).NewMutex(odd).TryLock()
		require.ErrorIs(t, err, mutex.ErrFailed, name)
		requireReadable(t, err)
	}
	err := mutex.New(refusing).NewMutex("plain:name").TryLock()
	assert.ErrorContains(t, err, `"plain:name"`)
	err = mutex.New(refusing).NewMutex(oddNames["4 KB"]).TryLock()
	assert.ErrorContains(t, err, "0123456789abcdef")
	assert.ErrorContains(t, err, "4096 bytes")
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

// Names that look alike are different locks.
func TestNamesAreTakenAsTheyAre(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		f := w.factory()
		var held []*mutex.Mutex
		for _, suffix := range []string{"", " ", "\x00", "{}", "A", "a"} {
			m := f.NewMutex(w.name+suffix, mutex.WithExpiry(expiry))
			require.NoError(t, m.TryLock(), "%q", suffix)
			held = append(held, m)
		}
		for _, m := range held {
			requireYes(t, m.Unlock)
		}
	})
}
