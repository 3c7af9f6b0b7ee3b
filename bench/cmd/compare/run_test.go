package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
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
	page := filepath.Join(t.TempDir(), "page.md")
	require.NoError(t, os.WriteFile(page, []byte("before\n"+report.Begin+"old"+report.End+"\nafter\n"), 0o600))
	require.NoError(t, rewrite(page, "new"))
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Equal(t, "before\n"+report.Begin+"\n\nnew\n\n"+report.End+"\nafter\n", string(text))

	require.NoError(t, os.WriteFile(page, []byte("no markers"), 0o600))
	require.ErrorContains(t, rewrite(page, "new"), page)
}

// The page that is there can be rewritten.
func TestPageHasMarkers(t *testing.T) {
	text, err := os.ReadFile("../../../docs/benchmarks.md")
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

func TestPlotsGoBesideThePageOfAFullRun(t *testing.T) {
	require.Equal(t, "folder", plotFolder(flags{page: "folder/page.md"}, true))
	require.Equal(t, "there", plotFolder(flags{page: "folder/page.md", plots: "there"}, true))
	require.Equal(t, "there", plotFolder(flags{plots: "there"}, false))
	require.Empty(t, plotFolder(flags{page: "folder/page.md"}, false))
}

// Each plot has the panels of its sections and of no others.
func TestDrawHasThePanelsOfAllSections(t *testing.T) {
	sections := []*report.Section{
		{Plot: "near.svg", Panels: []plot.Panel{{Title: "first"}}}, {}, {Plot: "far.svg", Panels: []plot.Panel{{Title: "distant"}}},
		{Plot: "near.svg", Panels: []plot.Panel{{Title: "second"}, {Title: "third"}}},
	}
	folder := t.TempDir()
	require.NoError(t, draw(folder, sections))
	near, err := os.ReadFile(filepath.Join(folder, "near.svg"))
	require.NoError(t, err)
	for _, title := range []string{"First", "Second", "Third"} {
		require.Contains(t, string(near), title)
	}
	require.NotContains(t, string(near), "Distant")
	far, err := os.ReadFile(filepath.Join(folder, "far.svg"))
	require.NoError(t, err)
	require.Contains(t, string(far), "Distant")
	require.NotContains(t, string(far), "First")

	require.NoError(t, draw("", sections))
	for _, name := range []string{"(near.svg)", "(far.svg)"} {
		require.Equal(t, 1, strings.Count(document("", sections, nil), name))
		require.NotContains(t, document("", sections[1:2], nil), name, "nothing is shown that was not drawn")
	}
}
