package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// repeatLength is how many words in a row may not stand twice.
const repeatLength = 15

// mayRepeat are places that say the same on purpose.
var mayRepeat = []string{
	"driver/valkeygo",         // the same code as driver/rueidis, for a client that is the same
	"docs/counterexamples.md", // each trace can be read by itself
}

// plainWord is a word as it is compared.
var plainWord = regexp.MustCompile(`[\p{L}\d']+`)

// repeats returns each run of words that stands in two pages or overviews of packages, or
// twice in one. What an exported name promises is left out: a reader sees one at a time.
func repeats(places []place) []string {
	var found []string
	first := make(map[string]string) // where a run stands
	for _, p := range places {
		if slices.Contains(mayRepeat, p.name) {
			continue
		}
		for _, t := range p.overview() {
			found = append(found, repeatsIn(t, first)...)
		}
	}
	return found
}

// repeatsIn adds the runs of a text to those that were there before.
func repeatsIn(t text, first map[string]string) []string {
	var found []string
	said := plainWord.FindAllString(strings.ToLower(t.s), -1)
	end := 0 // of the repeat that was reported last
	for i := 0; i+repeatLength <= len(said); i++ {
		run := strings.Join(said[i:i+repeatLength], " ")
		at, again := first[run]
		if !again {
			first[run] = t.at
			continue
		}
		if i >= end {
			found = append(found, fmt.Sprintf("%s: stands in %s, too: %s …", t.at, at, run))
		}
		end = i + repeatLength
	}
	return found
}
