package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// some are lines that are each so long.
func some(n, long int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprint(i, strings.Repeat(" ", long-1)))
	}
	return lines
}

func TestAPageFitsItsTerminal(t *testing.T) {
	for _, c := range []struct {
		what            string
		size            size
		tables, changes []string
		top, bottom     int
		more            string
	}{
		{"a terminal of no known size", size{}, some(9, 10), some(9, 10), 9, 9, ""},
		{"a large one", size{10, 19}, some(9, 10), some(9, 10), 9, 9, ""},
		{"one row less", size{10, 18}, some(9, 10), some(9, 10), 9, 8, ""},
		{"long tables", size{10, 16}, some(90, 10), some(9, 10), 9, 5, "  … 81 more lines"},
		{"lines that wrap", size{9, 16}, some(9, 10), some(9, 10), 5, 2, "  … 4 more lines"},
		{"a tiny one", size{1, 1}, some(9, 10), some(9, 10), 0, 0, "  … 9 more lines"},
	} {
		t.Run(c.what, func(t *testing.T) {
			top, bottom := c.size.fit(c.tables, c.changes)
			if c.more != "" {
				assert.Equal(t, c.more, top[len(top)-1])
				top = top[:len(top)-1]
			}
			assert.Equal(t, c.tables[:c.top], top)
			assert.Equal(t, c.changes[len(c.changes)-c.bottom:], bottom)
		})
	}
}
