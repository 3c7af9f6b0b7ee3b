package keyslot

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A lock's other keys are in the hash slot of its name, under its ACL pattern, and
// none of two kinds is the same.
func FuzzAux(f *testing.F) {
	for _, name := range []string{"plain", "a{}b", "x}y", "{}", "{", "}", "a{b}c", "{a}{b}", "", "\x00\xff", "naïve{ü}", "{{}}", "a{b", strings.Repeat("{", 50)} {
		f.Add(name, ":w", ":r")
	}
	f.Fuzz(func(t *testing.T, name, kind, other string) {
		if strings.ContainsAny(kind+other, "{}") {
			t.Skip("kinds are ours, and have no braces")
		}
		key := Aux(name, kind)
		require.Equal(t, Of(name), Of(key))
		require.True(t, strings.HasPrefix(key, name))
		require.True(t, strings.HasSuffix(key, kind))
		require.NotEqual(t, name, key)
		require.Equal(t, kind == other, key == Aux(name, other))
	})
}
