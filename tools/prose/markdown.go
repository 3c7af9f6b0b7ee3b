package main

import (
	"fmt"
	"regexp"
	"strings"
)

var (
	fence       = regexp.MustCompile("^\\s*(```|~~~)")
	item        = regexp.MustCompile(`^\s*([-*+]|\d+[.)])\s+`)
	heading     = regexp.MustCompile(`^#+\s+`)
	tableRow    = regexp.MustCompile(`^\s*\|`)
	rule        = regexp.MustCompile(`^[\s|:-]+$`)
	code        = regexp.MustCompile("(?s)``.+?``|`[^`]+`")
	image       = regexp.MustCompile(`!\[[^]]*\]\([^)]*\)`)
	link        = regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`)
	generated   = regexp.MustCompile(`(?s)<!-- \w+: begin -->.*?<!-- \w+: end -->`)
	htmlComment = regexp.MustCompile(`(?s)<!--.*?-->`)
)

// markdown splits a page into its texts. Blocks of code are left out, and a piece of
// code in a text becomes one word, which words.txt does not have. What a program has written
// between markers is left out, too: each of its tables says again what its columns are.
func markdown(file, source string) []text {
	var m markdownReader
	m.file = file
	source = generated.ReplaceAllStringFunc(source, onlyLineEnds)
	source = htmlComment.ReplaceAllStringFunc(source, onlyLineEnds)
	for i, line := range strings.Split(source, "\n") {
		m.line(i+1, line)
	}
	m.end()
	return m.texts
}

// onlyLineEnds keeps the numbers of the lines that follow.
func onlyLineEnds(s string) string { return strings.Repeat("\n", strings.Count(s, "\n")) }

type markdownReader struct {
	file   string
	texts  []text
	inCode bool
	began  int      // the line where the open text began
	open   []string // its lines
}

func (m *markdownReader) line(number int, line string) {
	switch {
	case fence.MatchString(line):
		m.end()
		m.inCode = !m.inCode
	case m.inCode:
	case rule.MatchString(line) || line == "":
		m.end()
	case tableRow.MatchString(line):
		m.row(number, line)
	case heading.MatchString(line):
		m.end()
		m.add(number, heading.ReplaceAllString(line, ""))
		m.end()
	case item.MatchString(line):
		m.end()
		m.add(number, item.ReplaceAllString(line, ""))
	default:
		m.add(number, line)
	}
}

// row takes each cell for a text.
func (m *markdownReader) row(number int, line string) {
	m.end()
	line = code.ReplaceAllString(line, "Code") // it may have bars in it
	for cell := range strings.SplitSeq(line, "|") {
		m.add(number, cell)
		m.end()
	}
}

func (m *markdownReader) add(number int, line string) {
	if len(m.open) == 0 {
		m.began = number
	}
	m.open = append(m.open, strings.TrimSpace(line))
}

// end ends the open text.
func (m *markdownReader) end() {
	s := strings.Join(m.open, " ")
	m.open = nil
	s = code.ReplaceAllString(s, "Code")
	s = image.ReplaceAllString(s, "")
	s = link.ReplaceAllString(s, "$1")
	s = strings.NewReplacer("**", "", "*", "", "·", ".").Replace(s)
	if s = strings.TrimSpace(s); s != "" {
		m.texts = append(m.texts, text{fmt.Sprintf("%s:%d", m.file, m.began), s})
	}
}
