package report

import (
	"strings"

	"github.com/holdfast-go/holdfast/bench/internal/plot"
)

// Section is what one scenario has to say.
type Section struct {
	Title    string
	Text     string // one paragraph: what was done and how to read the tables
	Tables   []Captioned
	Verdicts []Verdict

	Panels []plot.Panel // not part of its text
	Plot   string       // the file that shows them, beside those of other sections with the same
}

// Captioned is a table with a line above it.
type Captioned struct {
	Caption string
	Table   Table
}

// Markdown is the section's text without its verdicts.
func (s *Section) Markdown() string {
	var text strings.Builder
	text.WriteString("### " + s.Title + "\n\n" + s.Text + "\n")
	for _, table := range s.Tables {
		text.WriteString("\n" + table.Caption + "\n\n" + table.Table.Markdown())
	}
	return text.String()
}
