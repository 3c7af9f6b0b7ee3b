package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func equal(t *testing.T, want, got []string) {
	t.Helper()
	if !slices.Equal(want, got) {
		t.Errorf("want %q\ngot  %q", want, got)
	}
}

// located are texts with where they are.
func located(texts []text) []string {
	var s []string
	for _, t := range texts {
		s = append(s, t.at+" "+t.s)
	}
	return s
}

func TestMarkdownIsSplitIntoTexts(t *testing.T) {
	page := strings.Join([]string{
		"# A *title*", "Two lines", "of `code` and a [link](there.md).", "",
		"```go", "somebody := 1", "```", "- one", "  and more", "- two",
		"", "| a `|` | b |", "|---|---|", "<!-- left", "out -->", "![out](x.svg) last",
		"<!-- tool: begin -->", "out", "<!-- tool: end -->", "After.",
	}, "\n")
	equal(t, []string{
		"p.md:1 A title", "p.md:2 Two lines of Code and a link.", "p.md:8 one and more", "p.md:10 two",
		"p.md:12 a Code", "p.md:12 b", "p.md:16 last", "p.md:20 After.",
	}, located(markdown("p.md", page)))
}

func TestGodocIsWhatUsersSee(t *testing.T) {
	dir := t.TempDir()
	source := `// Package p does.
//
//	code is left out
//
// And:
//   - an item
package p

// T links to [T.M] and [q.R].
type T struct {
	// F is seen.
	F int
	g int // hidden
}

// M is a method.
func (T) M() {}

// hidden is not seen.
func hidden() {}

// A group.
const (
	A = 1 // is one
	b = 2 // hidden
)

// I is an interface.
type I interface {
	// N is called.
	N()
}
`
	write(t, filepath.Join(dir, "p.go"), source)
	write(t, filepath.Join(dir, "p_test.go"), "package p\n\n// E is a test's.\nfunc E() {}\n")
	write(t, filepath.Join(dir, "internal", "i", "i.go"), "// Package i is internal.\npackage i\n")
	places, err := readPackages(dir)
	if err != nil || len(places) != 1 {
		t.Fatalf("want one package, got %v and %v", places, err)
	}
	equal(t, []string{
		"p.go:1 Package p does.", "p.go:1 And:", "p.go:1 an item", "p.go:23 A group.", "p.go:24 is one",
		"p.go:29 I is an interface.", "p.go:30 N is called.",
		"p.go:10 T links to Code and Code.", "p.go:11 F is seen.", "p.go:17 M is a method.",
	}, located(places[0].texts))
	equal(t, []string{"p.go:1 Package p does.", "p.go:1 And:", "p.go:1 an item"}, located(places[0].overview()))
}

func write(t *testing.T, file, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestSentences(t *testing.T) {
	equal(t, []string{
		"It has 1.5 parts, e.g. these (one.)", "ctx begins the second!", `"A third?"`, "No end",
	}, sentencesOf(`It has 1.5 parts, e.g. these (one.) ctx begins the second! "A third?" No end`))
	if n := countWords("a – b, c-d = 5 % of it"); n != 6 {
		t.Errorf("want 6 words, got %d", n)
	}
}

func TestWordsOfStyleAreFound(t *testing.T) {
	for _, s := range []string{
		"It can not.", "Somebody waits", "nobody waits", "whoever waits", "for whom", "a gate", "the waves", "patience",
		"a debt", "what it owes", "the ears", "it hears", "is told", "tells", "its keeper", "a hold", "A hold ends",
		"the holds", "another look", "its place", "an intent", "lent", "the majority's word", "the server says", "paced or spent",
	} {
		if len(usesIn(s)) != 1 {
			t.Errorf("%q: want one finding, got %q", s, usesIn(s))
		}
	}
	for _, s := range []string{
		"cannot", "nobody else", "a holder", "process A holds it", "which holds", "may each hold a part", "processes hold", "at least and at most",
		"on Windows", "takes the place of", "it passes a lease", "delegates", "years", "a string", "it looks",
	} {
		equal(t, nil, usesIn(s))
	}
}

func usesIn(s string) []string {
	var uses []string
	for _, w := range words {
		uses = append(uses, w.in(s)...)
	}
	return uses
}

func TestBadWordsAreRefused(t *testing.T) {
	for _, file := range []string{"one", "a = b = c = d", "( = b", "a = b = ("} {
		if parsed, err := parseWords(file); err == nil {
			t.Errorf("%q: want an error, got %v", file, parsed)
		}
	}
}

func TestReportFailsForWhatHasToBeClean(t *testing.T) {
	long := strings.Repeat("word ", maxWords) + "end."
	for name, c := range map[string]struct {
		place place
		clean []string
		ok    bool
		says  string
	}{
		"word in a clean place":     {place{"p", []text{{"p:1", "whoever"}}, 1}, []string{"p"}, false, "p:1: \"whoever\", say"},
		"sentence in a clean place": {place{"p", []text{{"p:1", long}}, 1}, []string{"p"}, false, "p:1: 31 words"},
		"not listed":                {place{"p", []text{{"p:1", "whoever"}}, 1}, nil, true, "0      1  p\n"},
		"could be listed":           {place{"p", []text{{"p:1", "fine"}}, 1}, nil, true, "so list it"},
		"listed and not there":      {place{"p", nil, 0}, []string{"p", "q"}, false, "lists q, which is not there"},
	} {
		var out bytes.Buffer
		r := report{out: &out, words: words, mustBeClean: c.clean}
		if ok := r.print([]place{c.place}); ok != c.ok || !strings.Contains(out.String(), c.says) {
			t.Errorf("%s: want %v and %q, got %v and\n%s", name, c.ok, c.says, ok, &out)
		}
	}
}

func TestReportFailsForWhatIsSaidTwice(t *testing.T) {
	run := ""
	for i := range repeatLength {
		run += string(rune('a'+i)) + "x "
	}
	short := strings.TrimSpace(run[3:])
	said := func(name string, texts ...string) place {
		p := place{name: name, intro: len(texts)}
		for _, s := range texts {
			p.texts = append(p.texts, text{name + ":1", s})
		}
		return p
	}
	deep := said("deep", "Package deep.", "before "+run)
	deep.intro = 1
	for name, c := range map[string]struct {
		places []place
		ok     bool
	}{
		"on two pages":                   {[]place{said("p", "Once "+run+"here."), said("q", "Then, *"+strings.ToUpper(run)+"* there.")}, false},
		"twice on one":                   {[]place{said("p", run, run)}, false},
		"too short":                      {[]place{said("p", short), said("q", short)}, true},
		"across two texts":               {[]place{said("p", run), said("q", short[:20], short[20:])}, true},
		"not in a package's overview":    {[]place{said("p", run), deep}, true},
		"where it is said so on purpose": {[]place{said("p", run), said(mayRepeat[0], run)}, true},
	} {
		var out bytes.Buffer
		r := report{out: &out}
		if ok := r.print(c.places); ok != c.ok || strings.Contains(out.String(), "stands in p:1, too: ax bx") == c.ok {
			t.Errorf("%s: want %v, got %v and\n%s", name, c.ok, ok, &out)
		}
	}
}

// What is read of this repository is there.
func TestRepository(t *testing.T) {
	places, err := readPlaces("../..")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range places {
		names = append(names, p.name)
		if len(p.texts) < 5 {
			t.Errorf("%s has %d texts", p.name, len(p.texts))
		}
	}
	for _, name := range []string{".", "mutex", "driver/goredis", "otelholdfast", "README.md", "docs/mutex.md"} {
		if !slices.Contains(names, name) {
			t.Errorf("%s is not among %q", name, names)
		}
	}
}
