package model

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// trace returns the steps that lead to the failure of a search that was run in a
// folder, a line each.
func (s search) trace(t *testing.T, dir string) []string {
	t.Helper()
	replay := command(t, dir, "spin", append(s.switches(), "-T", "-t", s.model+".pml")...)
	steps, failed := stepsOf(replay)
	require.True(t, failed, "the replay has no steps, or no failure: %s", replay)
	return rename(steps)
}

// stepsOf returns the lines of a replay before the failure that it ends with. Spin may
// warn first: that the model is newer than the trail, as it finds two files of one
// second.
func stepsOf(replay string) (steps []string, failed bool) {
	for line := range strings.SplitSeq(replay, "\n") {
		switch {
		case strings.HasPrefix(line, "spin: warning"):
		case strings.HasPrefix(line, "spin: "):
			return steps, len(steps) > 0
		case strings.TrimSpace(line) != "":
			steps = append(steps, line)
		}
	}
	return nil, false
}

func TestStepsOfAReplay(t *testing.T) {
	const replay = "client 2 asks\n  node 3 grants\n\nspin: mutex.pml:392, Error: assertion violated\nspin: trail ends after 54 steps\n#processes: 13\n"
	for _, first := range []string{"", "spin: warning, \"mutex.pml\" is newer than mutex.pml.trail\n"} {
		steps, failed := stepsOf(first + replay)
		require.True(t, failed)
		require.Equal(t, []string{"client 2 asks", "  node 3 grants"}, steps)
	}
	for _, bad := range []string{"", "client 2 asks\n", "spin: cannot find trail file\n"} {
		_, failed := stepsOf(bad)
		require.False(t, failed, bad)
	}
}

var named = regexp.MustCompile(`(client|node|token) (\d+)`)

// rename calls clients A, B, … and numbers nodes and tokens, all in the order in
// which they come up: spin takes the last process first.
func rename(steps []string) []string {
	names := make(map[string]string)
	met := make(map[string]int)
	name := func(found string) string {
		if names[found] == "" {
			kind := strings.Fields(found)[0]
			met[kind]++
			names[found] = kind + " " + ordinal(kind, met[kind])
		}
		return names[found]
	}
	for i, step := range steps {
		steps[i] = strings.TrimPrefix(named.ReplaceAllStringFunc(strings.TrimSpace(step), name), "client ")
	}
	return steps
}

func ordinal(kind string, n int) string {
	if kind == "client" {
		return string(rune('A' + n - 1))
	}
	return string(rune('0' + n))
}
