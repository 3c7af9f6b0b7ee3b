package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/bench/internal/plot"
	"github.com/holdfast-go/holdfast/bench/internal/report"
	"github.com/holdfast-go/holdfast/bench/internal/scenarios"
)

func TestChooseByName(t *testing.T) {
	require.Len(t, choose(flags{only: regexp.MustCompile("")}), len(scenarios.All()))
	require.Len(t, choose(flags{only: regexp.MustCompile("^residue$")}), 1)
	require.Empty(t, choose(flags{only: regexp.MustCompile("no such")}))
}

func TestRewriteKeepsEverythingElse(t *testing.T) {
	readme := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(readme, []byte("before\n"+report.Begin+"old"+report.End+"\nafter\n"), 0o600))
	require.NoError(t, rewrite(readme, "new"))
	text, err := os.ReadFile(readme)
	require.NoError(t, err)
	require.Equal(t, "before\n"+report.Begin+"\n\nnew\n\n"+report.End+"\nafter\n", string(text))

	require.NoError(t, os.WriteFile(readme, []byte("no markers"), 0o600))
	require.ErrorContains(t, rewrite(readme, "new"), readme)
}

// The README that is there can be rewritten.
func TestReadmeHasMarkers(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, err = report.Replace(string(text), "x")
	require.NoError(t, err)
}

func TestMissedBarsCountWithCheckOnly(t *testing.T) {
	verdicts := []report.Verdict{{Met: true}, {Met: false}}
	require.NoError(t, judge(flags{}, verdicts))
	require.ErrorContains(t, judge(flags{check: true}, verdicts), "1 of 2")
	require.NoError(t, judge(flags{check: true}, verdicts[:1]))
}

func TestDocumentHasAllParts(t *testing.T) {
	section := &report.Section{Title: "A scenario", Text: "Text.", Verdicts: []report.Verdict{{Bar: "a bar"}}}
	text := document("- machine\n", []*report.Section{section}, section.Verdicts)
	for _, part := range []string{"- machine", "### A scenario", "### What must be reached", "| a bar |"} {
		require.Contains(t, text, part)
	}
}

func TestPlotGoesBesideTheReadmeOfAFullRun(t *testing.T) {
	require.Equal(t, filepath.Join("folder", plotName), plotFile(flags{readme: "folder/README.md"}, true))
	require.Equal(t, "there.svg", plotFile(flags{readme: "folder/README.md", plot: "there.svg"}, true))
	require.Equal(t, "there.svg", plotFile(flags{plot: "there.svg"}, false))
	require.Empty(t, plotFile(flags{readme: "folder/README.md"}, false))
}

func TestDrawHasThePanelsOfAllSections(t *testing.T) {
	sections := []*report.Section{
		{Panels: []plot.Panel{{Title: "first"}}}, {}, {Panels: []plot.Panel{{Title: "second"}, {Title: "third"}}},
	}
	file := filepath.Join(t.TempDir(), "plot.svg")
	require.NoError(t, draw(file, sections))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, title := range []string{"First", "Second", "Third"} {
		require.Contains(t, string(text), title)
	}
	require.NoError(t, draw("", sections))
	require.Contains(t, document("", sections, nil), "("+plotName+")")
	require.NotContains(t, document("", sections[1:2], nil), plotName, "nothing is shown that was not drawn")
}
