package main

import (
	"regexp"
	"strings"
)

// maxWords is how many words a sentence may have.
const maxWords = 30

var (
	// sentenceEnd is the last word of a sentence. The next one may begin with a small
	// letter, where it begins with a name from the code.
	sentenceEnd = regexp.MustCompile(`[.!?]["')]*$`)
	// abbreviation ends with a point that does not end a sentence.
	abbreviation = regexp.MustCompile(`^\(?(?:e\.g|i\.e|cf|vs)\.$`)
)

// sentencesOf splits a text.
func sentencesOf(s string) []string {
	var sentences, open []string
	for word := range strings.FieldsSeq(s) {
		open = append(open, word)
		if sentenceEnd.MatchString(word) && !abbreviation.MatchString(word) {
			sentences = append(sentences, strings.Join(open, " "))
			open = nil
		}
	}
	if open != nil {
		sentences = append(sentences, strings.Join(open, " "))
	}
	return sentences
}

var letter = regexp.MustCompile(`[\p{L}\d]`)

// countWords counts what stands between spaces, but not a dash or a sign alone.
func countWords(sentence string) int {
	n := 0
	for word := range strings.FieldsSeq(sentence) {
		if letter.MatchString(word) {
			n++
		}
	}
	return n
}
