package keyslot

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/alloctest"
)

func TestAux(t *testing.T) {
	for name, key := range map[string]string{
		"plain":  "plain{plain}:x",
		"a{b}c":  "a{b}c{a{b}c}:x",
		"x}y":    "",
		"a{}b":   "",
		"{}":     "",
		"a{":     "",
		"{a}{b}": "{a}{b}{{a}{b}}:x",
	} {
		got := Aux(name, ":x")
		require.Equal(t, Of(name), Of(got), name)
		require.Equal(t, name, got[:len(name)])
		if key != "" {
			require.Equal(t, key, got)
		}
	}
	require.EqualValues(t, 12739, Of("123456789"), "the specification's test vector, 0x31C3")
	require.Equal(t, Of("user1000"), Of("{user1000}.following"))
}

// Every process must find the same keys, those of other releases too: the tag is the
// first number that fits, whatever way it is found.
func TestAuxHasTheFirstNumberThatFits(t *testing.T) {
	for _, name := range oddNames {
		for _, kind := range []string{"", ":x", "fence"} {
			first := 0
			numbered := func() string { return name + "{" + strconv.Itoa(first) + "}" + kind }
			for Of(numbered()) != Of(name) {
				first++
			}
			require.Equal(t, numbered(), Aux(name, kind))
		}
	}
}

// Each try used to make a key and hash the whole of it, so that an object with a long
// name took a second to make. What a search costs is not measured by the clock here: it
// shows in what it allocates, which must be the same for one try and for many.
func TestSearchForAKeyCostsNoKeyATry(t *testing.T) {
	for _, name := range oddNames {
		require.LessOrEqual(t, alloctest.Least(1, func() { Aux(name, ":x") }), 10.0, "%.20q", name)
	}
}

// oddNames have braces by which the name itself cannot be the tag.
var oddNames = []string{
	"x}y", "a{}b", "{}", "a{", "}{", "{}{a}", "{}{", "a{b",
	strings.Repeat("long", 50) + "{}", "{}" + strings.Repeat("long", 50), "{" + strings.Repeat("long", 50), "}" + strings.Repeat("long", 50),
}
