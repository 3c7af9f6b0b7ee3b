package model

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write docs/counterexamples.md anew")

// document is where the counterexamples are written down.
const document = "../../../docs/counterexamples.md"

// The protocol keeps its promises in every state that is searched.
func TestProtocolIsCorrect(t *testing.T) { hold(t, slices.Concat(correct, remedies)) }

// The same for larger sizes, which take hours.
func TestLargerSizes(t *testing.T) {
	if os.Getenv("HOLDFAST_MODEL") != "large" { // too long for CI as well: by hand, when the model changes
		t.Skip("takes hours: set HOLDFAST_MODEL=large to run it")
	}
	hold(t, larger)
}

func hold(t *testing.T, searches []search) {
	needSpin(t)
	for _, s := range searches {
		t.Run(s.model+" "+s.defines+" "+s.how.name, func(t *testing.T) {
			t.Parallel()
			o := s.run(t, t.TempDir())
			t.Log(s.row(o))
			require.Zero(t, o.errors, "%v fails", o.assertion)
			if s.how.name == exhaustive.name {
				require.Empty(t, o.partial, "not every state was searched")
			}
			require.Greater(t, o.states, 1000.0, "the model does next to nothing")
		})
	}
}

// Without any one of its assumptions the protocol breaks, as it does with a fault
// built in; the document shows step by step what breaks it.
func TestCounterexamples(t *testing.T) {
	needSpin(t)
	sections := []*section{
		{title: "Assumptions", intro: "What safety rests on. Each is needed: this is what happens without it.", of: assumptions},
		{title: "Mutants", intro: "Faults that were put into the protocol on purpose, to see that the model finds them.", of: mutants},
		{title: "Passing", intro: "Faults in how the goroutines of a process pass a lease on in memory, and in how it is offered to the nodes after its tenure.", of: passing},
		{title: "Grants", intro: "Faults in how a release on one node grants the lock to a waiter; the last three are assumptions. A ticket lasts two ticks.", of: grants},
		{title: "Grants of the read-write lock", intro: "The same for writers and readers; the last one is an assumption. A ticket lasts two ticks.", of: grantsRW},
		{title: "Grants of permits", intro: "The same for a semaphore with two slots; the last one is an assumption.", of: grantsSlots},
		{title: "Limits", intro: "What the engine does not promise.", of: limits},
	}
	t.Run("find", func(t *testing.T) {
		for _, s := range sections {
			s.find(t)
		}
	})
	checkDocument(t, sections)
}

// section is a part of the document.
type section struct {
	title, intro string
	of           []broken
	traces       [][]string
}

// find runs the searches of a section.
func (s *section) find(t *testing.T) {
	s.traces = make([][]string, len(s.of))
	for i, b := range s.of {
		t.Run(b.title, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			o := b.run(t, dir)
			t.Log(b.row(o))
			require.Contains(t, o.assertion, b.breaks.assertion, "another claim failed, or none")
			s.traces[i] = b.trace(t, dir)
		})
	}
}

// complete reports that every one was found.
func (s *section) complete() bool {
	return !slices.ContainsFunc(s.traces, func(steps []string) bool { return steps == nil })
}

// checkDocument compares the document with what was found, or writes it.
func checkDocument(t *testing.T, sections []*section) {
	for _, s := range sections {
		if !s.complete() {
			return // failed, or not all were asked for
		}
	}
	text := write(sections)
	if *update {
		require.NoError(t, os.MkdirAll("../../../docs", 0o755))
		require.NoError(t, os.WriteFile(document, []byte(text), 0o644))
	}
	written, err := os.ReadFile(document)
	require.NoError(t, err)
	require.Equal(t, text, string(written), "HOLDFAST_MODEL=1 go test ./internal/redlock/model -run Counterexamples -update")
}

const preface = `# Counterexamples

How the locks break when an assumption of theirs does not hold, or when their
protocol is changed. Each trace is the shortest that spin has found in the
[model](../internal/redlock/model/README.md), and every run of the model's tests
finds it again. Written by

    HOLDFAST_MODEL=1 go test ./internal/redlock/model -run Counterexamples -update

There are three nodes, of which two are a majority. Nodes, clients and tokens are
named in the order in which they come up. Time passes in ticks. A lease lasts two
of them, of which one is the allowance for drift, unless a trace or its switches
(LEASE, DRIFT, NODES) say otherwise.
`

// write makes the document's text of the traces.
func write(sections []*section) string {
	var b strings.Builder
	b.WriteString(preface)
	for _, s := range sections {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", s.title, s.intro)
		for i, c := range s.of {
			fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", c.title, c.why)
			for n, step := range s.traces[i] {
				fmt.Fprintf(&b, "%d. %s\n", n+1, step)
			}
			fmt.Fprintf(&b, "\nBroken: %s. Model: `%s`, `%s`.\n", c.breaks.words, c.model, c.defines)
		}
	}
	return b.String()
}
