package report

import (
	"fmt"
	"strings"
)

// The generated part of a document lies between these two lines.
const (
	Begin = "<!-- compare: begin -->"
	End   = "<!-- compare: end -->"
)

// Replace returns document with generated in place of what is between the
// markers. It fails when document does not have each marker once, in order.
func Replace(document, generated string) (string, error) {
	before, rest, hasBegin := strings.Cut(document, Begin)
	_, after, hasEnd := strings.Cut(rest, End)
	if !hasBegin || !hasEnd || strings.Contains(after, Begin) || strings.Contains(after, End) {
		return "", fmt.Errorf("report: want %q and %q once each, in this order", Begin, End)
	}
	return before + Begin + "\n\n" + strings.TrimSpace(generated) + "\n\n" + End + after, nil
}
