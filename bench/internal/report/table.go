package report

import "strings"

// Table is a Markdown table. Every row has as many cells as there are columns.
type Table struct {
	Columns []string
	Rows    [][]string
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Markdown is the table's text, ending with a newline. The first column is
// aligned left, all others right.
func (t *Table) Markdown() string {
	var text strings.Builder
	writeRow(&text, t.Columns)
	writeRow(&text, t.rule())
	for _, row := range t.Rows {
		writeRow(&text, row)
	}
	return text.String()
}

func (t *Table) rule() []string {
	rule := make([]string, len(t.Columns))
	for i := range rule {
		rule[i] = "---:"
	}
	rule[0] = "---"
	return rule
}

func writeRow(text *strings.Builder, cells []string) {
	text.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}
