// Command compare measures Holdfast beside its peers and beside the bare Redis
// commands, and rewrites the tables of docs/benchmarks.md.
//
// It starts its own redis-server (or valkey-server) processes, which must be on
// PATH, on loopback. Run it from the bench folder, on a machine with nothing
// else to do:
//
//	go run ./cmd/compare
//
// With -quick or -only it prints what it measured and leaves the page alone,
// since the tables there are of one run; so with the plots beside it, unless -plots
// names a folder. With -share 0.5 it takes half the time,
// for half of the rounds; each table says of how many it is. With -check it ends with status 1
// if a bar was missed.
package main

import (
	"flag"
	"fmt"
	"os"
	"regexp"

	"github.com/holdfast-go/holdfast/bench/internal/contend"
	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/scenarios"
)

type flags struct {
	quick bool
	check bool
	share float64
	only  *regexp.Regexp
	page  string
	plots string
}

func main() {
	contend.ServeChild()
	contestants.Silence()
	if err := run(parseFlags()); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func parseFlags() (f flags) {
	f.only = regexp.MustCompile("")
	flag.BoolVar(&f.quick, "quick", false, "measure little, as a smoke test")
	flag.BoolVar(&f.check, "check", false, "end with status 1 if a bar was missed")
	flag.Float64Var(&f.share, "share", 1, "measure this `part` of the rounds, above 0 and at most 1, in as much of the time")
	flag.StringVar(&f.page, "page", "../docs/benchmarks.md", "`file` whose tables are rewritten by a full run")
	flag.StringVar(&f.plots, "plots", "", "`folder` for the plots of the waiting times; a full run draws them beside the page")
	flag.Func("only", "run the scenarios whose names match this `regexp` only: "+names(), func(text string) (err error) {
		f.only, err = regexp.Compile(text)
		return err
	})
	flag.Parse()
	if !(f.share > 0 && f.share <= 1) {
		fmt.Fprintf(os.Stderr, "compare: -share is %v, above 0 and at most 1 needed\n", f.share)
		os.Exit(2)
	}
	return f
}

func names() (list string) {
	for i, scenario := range scenarios.All() {
		if i > 0 {
			list += ", "
		}
		list += scenario.Name
	}
	return list
}
