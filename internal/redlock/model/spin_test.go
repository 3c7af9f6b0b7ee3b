package model

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// search is one run of spin: a model, its switches, and how to go through it.
type search struct {
	model   string // file name without .pml
	defines string // switches and sizes, as on a command line without -D
	how     manner
}

// manner is how the states are gone through.
type manner struct {
	name   string
	source string // flags for the verifier's compiler
	run    string // flags for the verifier
	model  string // defines for the model
}

var (
	// Every state, one for all that differ by names only.
	exhaustive = manner{"exhaustive", "-O2", "-m1000000", "SYMMETRY"}
	// The same for at most some 300,000 states: to optimize more takes longer than it
	// saves.
	modest = manner{"exhaustive", "-O1", exhaustive.run, exhaustive.model}
	// Breadth first, so that what is found is as short as can be; with every node
	// and client keeping its name.
	shortest = manner{"shortest", "-O1 -DBFS", "", ""}
	// The same for at most some 60,000 states.
	near = manner{"shortest", "-O0 -DBFS", "", ""}
	// Bits of a hash instead of states, and no further than so many steps; the
	// first 40 to 50 of them start the model's processes.
	bounded = manner{"bitstate, to a depth", "-O2 -DBITSTATE", "-w28 -k2 -m76", "SYMMETRY"}
	// The same without the bound.
	bitstate = manner{"bitstate", "-O2 -DBITSTATE", "-w33 -k3 -m1000000", "SYMMETRY"}
)

// outcome is what a search came to.
type outcome struct {
	states, transitions float64
	depth               int
	megabytes           float64
	errors              int
	partial             string // why not every state was seen, if so
	assertion           string // the one that failed, if any
	elapsed             time.Duration
}

// needSpin skips a test that was not asked for. Where it was, the tools must be
// there, so that it is never left out by mistake.
func needSpin(t *testing.T) {
	t.Helper()
	if os.Getenv("HOLDFAST_MODEL") == "" { // CI sets it, in a step of its own
		t.Skip("takes three minutes of both cores: set HOLDFAST_MODEL=1 to run it, or =large for hours more")
	}
	for _, tool := range []string{"spin", "gcc"} {
		_, err := exec.LookPath(tool)
		require.NoError(t, err, "HOLDFAST_MODEL is set")
	}
}

// run lets spin search in a folder, where it also leaves the way to a failure.
func (s search) run(t *testing.T, dir string) outcome {
	t.Helper()
	s.build(t, dir)
	start := time.Now()
	report := command(t, dir, "./pan", append(strings.Fields(s.how.run), "-E")...)
	o := readReport(t, report)
	o.elapsed = time.Since(start)
	return o
}

// build makes the verifier.
func (s search) build(t *testing.T, dir string) {
	t.Helper()
	models, err := filepath.Glob("*.pml")
	require.NoError(t, err)
	for _, file := range models {
		command(t, ".", "cp", file, dir)
	}
	generated := command(t, dir, "spin", append(s.switches(), "-a", s.model+".pml")...)
	require.NotContains(t, generated, "Error", "spin")
	flags := append(strings.Fields("-w -DSAFETY -DNOREDUCE -DMEMLIM=4000 "+s.how.source), s.switches()...)
	command(t, dir, "gcc", append(flags, "-o", "pan", "pan.c")...)
	require.FileExists(t, filepath.Join(dir, "pan"))
}

// switches are the flags that every tool gets.
func (s search) switches() []string {
	var flags []string
	for define := range strings.FieldsSeq(s.defines + " " + s.how.model) {
		flags = append(flags, "-D"+define)
	}
	return flags
}

// command runs a program at low priority and returns what it prints. Its exit
// code says nothing: the verifier's is 0 in any case.
func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	c := exec.CommandContext(ctx, "nice", append([]string{"-n", "15", name}, args...)...)
	c.Dir = dir
	var printed bytes.Buffer
	c.Stdout, c.Stderr = &printed, &printed
	_ = c.Run()
	require.NoError(t, ctx.Err(), "%s %v", name, args)
	return printed.String()
}

var (
	countsPattern  = regexp.MustCompile(`([\d.e+]+) states, stored\b`)
	stepsPattern   = regexp.MustCompile(`([\d.e+]+) transitions \(`)
	depthPattern   = regexp.MustCompile(`depth reached (\d+), errors: (\d+)`)
	memoryPattern  = regexp.MustCompile(`([\d.]+)\s+total actual memory usage`)
	failurePattern = regexp.MustCompile(`assertion violated (.*) \(at depth`)
)

// incomplete are the verifier's words for a search that stopped early.
var incomplete = []string{"max search depth too small", "Search not completed", "out of memory", "reached -DMEMLIM", "truncated", "VECTORSZ"}

// readReport reads what the verifier printed.
func readReport(t *testing.T, report string) outcome {
	t.Helper()
	depth := depthPattern.FindStringSubmatch(report)
	require.NotNil(t, depth, "the verifier's report: %s", report)
	o := outcome{
		states:      number(t, countsPattern, report),
		transitions: number(t, stepsPattern, report),
		megabytes:   number(t, memoryPattern, report),
	}
	o.depth, _ = strconv.Atoi(depth[1])
	o.errors, _ = strconv.Atoi(depth[2])
	if failed := failurePattern.FindStringSubmatch(report); failed != nil {
		o.assertion = failed[1]
	}
	for _, words := range incomplete {
		if strings.Contains(report, words) {
			o.partial = words
		}
	}
	return o
}

func number(t *testing.T, pattern *regexp.Regexp, report string) float64 {
	t.Helper()
	match := pattern.FindStringSubmatch(report)
	require.NotNil(t, match, "no %v in the verifier's report: %s", pattern, report)
	n, err := strconv.ParseFloat(match[1], 64)
	require.NoError(t, err)
	return n
}

// row is a line of the tables that the tests print.
func (s search) row(o outcome) string {
	return fmt.Sprintf("| %s | %s | %s | %.0f | %.0f | %d | %.0f MB | %.0f s |",
		s.model, s.defines, s.how.name, o.states, o.transitions, o.depth, o.megabytes, o.elapsed.Seconds())
}
