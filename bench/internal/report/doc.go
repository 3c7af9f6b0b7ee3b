// Package report turns measurements into Markdown: tables, verdicts, and the
// part of a document between two markers that is rewritten by each run.
package report
