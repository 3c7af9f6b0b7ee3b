package main

import (
	"fmt"
	"unicode/utf8"
)

// size is how much a terminal shows. It is zero where that is not known.
type size struct{ columns, rows int }

// fit cuts a page to what stays in place on a terminal: what has scrolled off would be who
// holds the lock. Tables keep their beginning and two thirds of the rows, changes their end.
func (s size) fit(tables, changes []string) (top, bottom []string) {
	if s.columns == 0 || s.rows == 0 {
		return tables, changes
	}
	room := s.rows - 1 // the last is the cursor's
	all := 0
	for _, line := range tables {
		all += s.height(line)
	}
	left := max(room/3, room-all)
	from := len(changes)
	for from > 0 && left >= s.height(changes[from-1]) {
		from--
		left -= s.height(changes[from])
		room -= s.height(changes[from])
	}
	return s.beginning(tables, all, room), changes[from:]
}

// beginning is as many lines as fit into some rows, of all that they would take.
func (s size) beginning(lines []string, all, rows int) []string {
	if all <= rows {
		return lines
	}
	rows-- // for what says so
	for i, line := range lines {
		if rows -= s.height(line); rows < 0 {
			return append(lines[:i:i], fmt.Sprintf("  … %d more lines", len(lines)-i))
		}
	}
	return lines
}

// height is how many rows a line takes.
func (s size) height(line string) int {
	return max(1, (utf8.RuneCountInString(line)+s.columns-1)/s.columns)
}
