package scenarios

import (
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

// maxBadNodes is the bar for a call with bad nodes, by the same call with
// healthy ones.
const maxBadNodes = 1.5

// notable is from what latency on a table gives it beside the ratio.
const notable = 100 * 1e6 // nanoseconds

func (w *ward) section() *report.Section {
	section := &report.Section{
		Title: "Five nodes, one or two of them bad",
		Text: "Hung nodes are stopped processes: they accept connections and answer nothing. " +
			"Latencies are divided by those of the same contestant, call and kind with healthy nodes in the same round. " +
			"A contestant that needs more than " + slow.String() + " for a call is not asked again in that condition, " +
			"and one that does not return is given up after " + w.scale.Patience.String() + ".",
	}
	for _, k := range []kind{firstEver, firstAfter, steady} {
		section.Tables = append(section.Tables, report.Captioned{Caption: caption(string(k)), Table: w.table(k)})
	}
	section.Verdicts = w.verdicts()
	return section
}

// caption makes a line above a table of what the table is about.
func caption(text string) string {
	return strings.ToUpper(text[:1]) + text[1:] + ":"
}

func (w *ward) table(k kind) report.Table {
	table := report.Table{Columns: []string{"", "call"}}
	for _, c := range conditions() {
		table.Columns = append(table.Columns, c.name)
	}
	for _, q := range contestants.Quorums() {
		for _, op := range operations() {
			table.Add(w.row(subject{who: q.Name(), kind: k, operation: op.name})...)
		}
	}
	return table
}

func (w *ward) row(s subject) []string {
	row := []string{s.who, s.operation}
	for _, c := range conditions() {
		s.condition = c.name
		row = append(row, w.cell(s))
	}
	return row
}

// cell prints a subject: the latency itself with healthy nodes, the ratio to
// that with bad ones.
func (w *ward) cell(s subject) string {
	r := w.records[s]
	if r == nil {
		return "–"
	}
	if r.hung() > 0 {
		return "> " + report.Millis(r.quantile(1))
	}
	text := report.Millis(r.quantile(0.5))
	if s.condition != healthy.name {
		text = w.ratioCell(s, r)
	} else if s.kind == steady {
		text += " (" + report.Millis(r.quantile(0.99)) + ")"
	}
	if failed := r.failed(); failed > 0 {
		text += fmt.Sprintf(", %d of %d failed", failed, len(r.calls))
	}
	return text
}

func (w *ward) ratioCell(s subject, r *record) string {
	text := report.Ratio(w.ratio(s))
	if s.kind == steady {
		text += " (" + report.Ratio(w.tailRatio(s)) + ")"
	}
	if median := r.quantile(0.5); median > notable {
		text += " = " + report.Millis(median)
	}
	return text
}

// ratio is the median over the rounds of what a subject's calls took by what the
// same calls took in the same round with healthy nodes, each time as medians.
func (w *ward) ratio(s subject) float64 {
	bad, well := w.records[s].byRound(), w.records[s.healthy()].byRound()
	var ratios []float64
	for round, r := range bad {
		if base := well[round]; base != nil {
			ratios = append(ratios, r.quantile(0.5)/base.quantile(0.5))
		}
	}
	return measure.Quantile(ratios, 0.5)
}

// tailRatio compares 99th percentiles. They are those of all rounds together: one
// round alone has too few calls.
func (w *ward) tailRatio(s subject) float64 {
	return w.records[s].quantile(0.99) / w.records[s.healthy()].quantile(0.99)
}

// verdicts judges Holdfast by the worst of its operations, for each driver,
// condition and kind of call.
func (w *ward) verdicts() (verdicts []report.Verdict) {
	for _, client := range clients {
		for _, c := range conditions()[1:] {
			for _, k := range []kind{firstEver, firstAfter, steady} {
				verdicts = append(verdicts, w.verdict(client, c, k))
			}
		}
	}
	return verdicts
}

func (w *ward) verdict(client contestants.Client, c condition, k kind) report.Verdict {
	name := contestants.Contestant{Library: contestants.Holdfast, Client: client}.Name()
	ratios, met := []string(nil), true
	for _, op := range operations() {
		s := subject{who: name, condition: c.name, kind: k, operation: op.name}
		r := w.records[s]
		met = met && r != nil && r.hung()+r.failed() == 0 && w.ratio(s) <= maxBadNodes
		ratios = append(ratios, op.name+" "+w.cell(s))
	}
	return report.Verdict{
		Bar:      fmt.Sprintf("five nodes, %s, %s: %s ≤ %.1f × healthy", c.name, client, kindWord(k), maxBadNodes),
		Measured: strings.Join(ratios, ", "),
		Met:      met,
	}
}

// kindWord is the kind without what only tables need.
func kindWord(k kind) string {
	word, _, _ := strings.Cut(string(k), ",")
	return word
}
