package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/holdfast-go/holdfast/inspect"
)

// table prints a lock for people.
func table(out io.Writer, s inspect.Status) {
	answered := len(s.Nodes)
	for _, node := range s.Nodes {
		if node.Err != nil {
			answered--
		}
	}
	fmt.Fprintf(out, "%s %s: %d held, %d waiting, %d of %d nodes answered", s.Kind, printable(s.Name), s.Held, s.Waiting, answered, len(s.Nodes))
	if s.Fence != 0 {
		fmt.Fprintf(out, ", fence %d", s.Fence)
	}
	fmt.Fprintln(out)
	rows := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if len(s.Holders) > 0 {
		fmt.Fprintln(rows, "  HOLDER\tMODE\tSLOTS\tSINCE\tREMAINING\tNODES\tVALUE")
	}
	for _, h := range s.Holders {
		fmt.Fprintf(rows, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", owner(h.Owner), h.Mode, numbers(h.Slots), since(h.Since), remaining(h.Remaining),
			nodes(h), printable(h.Value))
	}
	if len(s.Waiters) > 0 {
		fmt.Fprintln(rows, "  WAITER\tMODE\tCOUNT\tSINCE\t\tNODES\tTICKET")
	}
	for _, w := range s.Waiters {
		fmt.Fprintf(rows, "  %s\t%s\t%d\t%s\t\t%s\t%s\n", owner(w.Owner), w.Mode, w.Count, since(w.Since), numbers(w.Nodes), printable(w.ID))
	}
	_ = rows.Flush()
	if more := s.Held - len(s.Holders) + s.Waiting - len(s.Waiters); more > 0 {
		fmt.Fprintf(out, "  … and %d more\n", more)
	}
}

func owner(text string) string { return cmp.Or(printable(text), "-") }

// nodes are those that have a lease, and whether they are enough.
func nodes(h inspect.Holder) string {
	if h.Majority {
		return numbers(h.Nodes)
	}
	return numbers(h.Nodes) + " (no majority)"
}

func numbers(list []int) string {
	var words []string
	for _, number := range list {
		words = append(words, strconv.Itoa(number))
	}
	return cmp.Or(strings.Join(words, ","), "-")
}

// since is a time of day, with its date where that is another one.
func since(t time.Time) string {
	switch {
	case t.IsZero():
		return "-"
	case t.Local().Format(time.DateOnly) == time.Now().Format(time.DateOnly):
		return t.Local().Format(time.TimeOnly)
	}
	return t.Local().Format(time.DateTime)
}

func remaining(d time.Duration) string {
	if d == inspect.Forever {
		return "for ever"
	}
	return d.Round(100 * time.Millisecond).String()
}

// printable is a text that cannot move a terminal's cursor, in whatever encoding.
func printable(text string) string {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

// difference is what is in one and not in the other, a line each.
func difference(sign string, here, there map[string]string) (all []string) {
	for _, key := range slices.Sorted(maps.Keys(here)) {
		if _, ok := there[key]; !ok {
			all = append(all, sign+" "+here[key])
		}
	}
	return all
}

// lines is the text of an error, each line of it printable: it may quote a key.
func lines(err error) string {
	var all []string
	for line := range strings.SplitSeq(message(err), "\n") {
		all = append(all, printable(line))
	}
	return strings.Join(all, "\n")
}

// repeats begins what a server adds to the error for a command that it does not know: the
// first arguments, of which one is the password where the command is AUTH or HELLO.
const repeats = ", with args beginning with:"

// message is the text of an error, each line of it without what a server repeats.
func message(err error) string {
	var all []string
	for line := range strings.SplitSeq(err.Error(), "\n") {
		line, _, _ = strings.Cut(line, repeats)
		all = append(all, line)
	}
	return strings.Join(all, "\n")
}
