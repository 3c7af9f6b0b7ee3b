package report

import (
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	table := Table{Columns: []string{"who", "ratio"}}
	table.Add("us", "1.02")
	require.Equal(t, "| who | ratio |\n| --- | ---: |\n| us | 1.02 |\n", table.Markdown())
}

func TestVerdicts(t *testing.T) {
	verdicts := []Verdict{{Bar: "a", Measured: "1", Met: true}, {Bar: "b", Measured: "2"}}
	text := Verdicts(verdicts).Markdown()
	require.Contains(t, text, "| a | 1 | ok |")
	require.Contains(t, text, "| b | 2 | **MISSED** |")
	require.Equal(t, 1, Missed(verdicts))
}

func TestSectionKeepsItsOrder(t *testing.T) {
	section := Section{Title: "T", Text: "text", Tables: []Captioned{{Caption: "C:", Table: Table{Columns: []string{"x"}}}}}
	require.Equal(t, "### T\n\ntext\n\nC:\n\n| x |\n| --- |\n", section.Markdown())
}

func TestReplace(t *testing.T) {
	got, err := Replace("head\n"+Begin+"\nold\n"+End+"\ntail\n", "\nnew\n")
	require.NoError(t, err)
	require.Equal(t, "head\n"+Begin+"\n\nnew\n\n"+End+"\ntail\n", got)

	again, err := Replace(got, "new")
	require.NoError(t, err)
	require.Equal(t, got, again, "a run changes nothing but the figures")
}

func TestReplaceWantsEachMarkerOnceInOrder(t *testing.T) {
	for _, document := range []string{"", Begin, End, End + Begin, Begin + End + Begin, Begin + End + End} {
		_, err := Replace(document, "x")
		require.Error(t, err, document)
	}
}

func TestFormats(t *testing.T) {
	require.Equal(t, "1.05", Ratio(1.049))
	require.Equal(t, "12.3", Ratio(12.34))
	require.Equal(t, "1429", Ratio(1428.6))
	require.Equal(t, "–", Ratio(math.NaN()))
	require.Equal(t, "61.5 µs", Micros(61_500))
	require.Equal(t, "0.25 ms", Millis(250_000))
	require.Equal(t, "5021 ms", Millis(5_021_000_000))
	for _, missing := range []string{Ratio(math.NaN()), Micros(math.NaN()), Millis(math.NaN()), Count(math.NaN())} {
		require.Equal(t, none, missing)
	}
	require.Equal(t, "15", Count(15.02))
	require.Equal(t, "0", Count(-0.01))
	require.Equal(t, "-9", Count(-9.01))
	require.Equal(t, "17.3", Count(17.3))
}

func TestEnvironmentNamesMachineAndServer(t *testing.T) {
	text := Environment("7.0.15", []string{"example.com/absent"})
	require.Contains(t, text, "Redis 7.0.15")
	require.Contains(t, text, runtime.Version())
	require.Contains(t, text, "example.com/absent: unknown\n")
	require.Equal(t, 4, strings.Count(text, "\n"))
}

// A test binary has no build information, so it is invented.
func TestVersionIsTheOneThatWasBuilt(t *testing.T) {
	info := &debug.BuildInfo{Deps: []*debug.Module{
		{Path: "example.com/released", Version: "v1.2.3"},
		{Path: "example.com/local", Version: "v0.0.0", Replace: &debug.Module{Path: "../"}},
		{Path: "example.com/forked", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v1.0.1"}},
	}}
	require.Equal(t, "v1.2.3", version(info, "example.com/released"))
	require.Equal(t, "this source tree", version(info, "example.com/local"))
	require.Equal(t, "example.com/fork v1.0.1", version(info, "example.com/forked"))
	require.Equal(t, "unknown", version(info, "example.com/absent"))
}
