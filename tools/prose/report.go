package main

import (
	"fmt"
	"io"
	"slices"
)

// report prints what is found in places.
type report struct {
	out         io.Writer
	verbose     bool
	words       []word
	mustBeClean []string
}

// findings are those of a place.
type findings struct {
	lines           []string
	sentences, uses int
}

// print returns whether every place that has to be clean is there, and is clean, and nothing
// is said twice.
func (r report) print(places []place) bool {
	ok := true
	fmt.Fprintln(r.out, "sentences  words  package or page")
	for _, p := range places {
		ok = r.place(p) && ok
	}
	for _, name := range r.mustBeClean {
		if !slices.ContainsFunc(places, func(p place) bool { return p.name == name }) {
			fmt.Fprintf(r.out, "clean.txt lists %s, which is not there\n", name)
			ok = false
		}
	}
	for _, line := range repeats(places) {
		fmt.Fprintln(r.out, line)
		ok = false
	}
	return ok
}

// place returns false when a place that has to be clean is not.
func (r report) place(p place) bool {
	found := r.find(p)
	listed := slices.Contains(r.mustBeClean, p.name)
	clean := len(found.lines) == 0
	note := ""
	switch {
	case listed && !clean:
		note = ": clean.txt lists it"
	case clean && !listed:
		note = ": clean, so list it in clean.txt"
	}
	fmt.Fprintf(r.out, "%9d  %5d  %s%s\n", found.sentences, found.uses, p.name, note)
	if r.verbose || listed {
		for _, line := range found.lines {
			fmt.Fprintln(r.out, "    "+line)
		}
	}
	return clean || !listed
}

// find looks through a place.
func (r report) find(p place) findings {
	var f findings
	for _, t := range p.texts {
		for _, sentence := range sentencesOf(t.s) {
			if n := countWords(sentence); n > maxWords {
				f.sentences++
				f.add(t.at, fmt.Sprintf("%d words", n), sentence)
			}
			for _, w := range r.words {
				for _, use := range w.in(sentence) {
					f.uses++
					f.add(t.at, fmt.Sprintf("%q, say %s", use, w.say), sentence)
				}
			}
		}
	}
	return f
}

func (f *findings) add(at, fault, sentence string) {
	f.lines = append(f.lines, fmt.Sprintf("%s: %s: %s", at, fault, sentence))
}
