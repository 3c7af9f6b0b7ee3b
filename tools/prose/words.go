package main

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
)

//go:embed words.txt
var wordsFile string

//go:embed clean.txt
var cleanFile string

var (
	words       = mustParseWords(wordsFile)
	cleanPlaces = lines(cleanFile)
)

// word is a word that is not used, and what is said instead.
type word struct {
	not    *regexp.Regexp
	say    string
	unless *regexp.Regexp // the same word where it is right; nil where it never is
}

// mustParseWords panics as the file is a part of the program.
func mustParseWords(file string) []word {
	parsed, err := parseWords(file)
	if err != nil {
		panic(err)
	}
	return parsed
}

// parseWords reads lines of "not = say" or "not = say = unless".
func parseWords(file string) ([]word, error) {
	var parsed []word
	for _, line := range lines(file) {
		fields := strings.Split(line, " = ")
		if len(fields) < 2 || len(fields) > 3 {
			return nil, fmt.Errorf("words.txt: %q has %d fields, want 2 or 3", line, len(fields))
		}
		w := word{say: strings.TrimSpace(fields[1])}
		var err error
		if w.not, err = whole(fields[0]); err != nil {
			return nil, err
		}
		if len(fields) == 3 {
			if w.unless, err = whole(fields[2]); err != nil {
				return nil, err
			}
		}
		parsed = append(parsed, w)
	}
	return parsed, nil
}

// whole compiles a pattern that matches whole words, in small or large letters.
func whole(pattern string) (*regexp.Regexp, error) {
	return regexp.Compile(`(?i)\b(?:` + strings.TrimSpace(pattern) + `)\b`)
}

// in finds the word in a text.
func (w word) in(s string) []string {
	if w.unless != nil {
		s = w.unless.ReplaceAllString(s, "…")
	}
	return w.not.FindAllString(s, -1)
}

// lines are those of a file that are not empty and no comment.
func lines(file string) []string {
	var kept []string
	for line := range strings.Lines(file) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			kept = append(kept, line)
		}
	}
	return kept
}
