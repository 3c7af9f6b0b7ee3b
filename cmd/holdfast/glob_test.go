package main

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// matchSlowly is match by its definition: a * tries everything, as does each other.
func matchSlowly(pattern, name string) bool {
	switch {
	case pattern == "":
		return name == ""
	case pattern[0] == '*':
		return matchSlowly(pattern[1:], name) || name != "" && matchSlowly(pattern, name[1:])
	case name == "":
		return false
	}
	ok, rest := one(pattern, name[0])
	return ok && matchSlowly(rest, name[1:])
}

func TestMatchIsAsDefined(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	draw := func(alphabet string, most int) string {
		var text strings.Builder
		for range random.IntN(most + 1) {
			text.WriteByte(alphabet[random.IntN(len(alphabet))])
		}
		return text.String()
	}
	matched := 0
	for range 200_000 {
		pattern, name := draw("***aab?[]^-\\", 8), draw("aab-", 8)
		want := matchSlowly(pattern, name)
		require.Equal(t, want, match(pattern, name), "%q %q", pattern, name)
		if want {
			matched++
		}
	}
	require.Greater(t, matched, 1000, "patterns that match")
}

// By trying everything for each * this would take for ever.
func TestMatchOfManyStarsEnds(t *testing.T) {
	pattern, name := strings.Repeat("*a", 100)+"*b", strings.Repeat("a", 10_000)
	require.False(t, match(pattern, name))
	require.True(t, match(pattern, name+"b"))
}
