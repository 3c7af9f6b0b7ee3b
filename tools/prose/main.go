// Prose counts sentences that are too long and words that the project does not use, in
// what users read: the godoc of the packages that they import, README.md and docs/*.md.
//
//	cd tools && go run ./prose ..         # a count per package and page
//	cd tools && go run ./prose -v ..      # every finding
//	cd tools && go run ./prose -v .. mutex docs/errors.md
//
// A sentence has at most 30 words. The words that are not used are in words.txt, with what
// to say instead. Places that are listed in clean.txt have to stay clean: a finding there is
// printed, and the exit status is 1. The others are counted. It is 1 as well when the same
// fifteen words stand twice in pages and in the comments on packages.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
)

func main() {
	verbose := flag.Bool("v", false, "print every finding, and not only those in places that have to be clean")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: prose [-v] root [place ...]")
		os.Exit(2)
	}
	ok, err := run(os.Stdout, flag.Arg(0), flag.Args()[1:], *verbose)
	if err != nil {
		fmt.Fprintln(os.Stderr, "prose:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

// run reports on the named places below root, or on all of them. It returns whether those
// that have to be clean are.
func run(out io.Writer, root string, names []string, verbose bool) (bool, error) {
	places, err := readPlaces(root)
	if err != nil {
		return false, err
	}
	r := report{out: out, verbose: verbose, words: words, mustBeClean: cleanPlaces}
	if len(names) > 0 {
		places = slices.DeleteFunc(places, func(p place) bool { return !slices.Contains(names, p.name) })
		r.mustBeClean = slices.DeleteFunc(slices.Clone(cleanPlaces), func(name string) bool { return !slices.Contains(names, name) })
	}
	return r.print(places), nil
}
