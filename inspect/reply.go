package inspect

import (
	"errors"
	"fmt"
	"strconv"
)

// shown is what one node has of a lock.
type shown struct {
	holders       []lease
	waiters       []ticket
	held, waiting int
	fence         int64
}

// lease is a holder on one node.
type lease struct {
	token, mode string
	ms          int64 // how long it lasts yet; -1 if it does not end
	slots       string
}

// ticket is a waiter on one node.
type ticket struct {
	id, mode string
	age      int64 // in µs
}

var errReply = errors.New("unexpected reply")

// shown reads an answer: see inspect_prelude.lua.
func (a answer) shown() (shown, error) {
	if a.err != nil {
		return shown{}, a.err
	}
	parts, ok := a.reply.([]any)
	if !ok || len(parts) != 5 {
		return shown{}, fmt.Errorf("%w: %.100q", errReply, fmt.Sprint(a.reply))
	}
	r := reader{}
	s := shown{held: int(r.number(parts[1])), waiting: int(r.number(parts[3])), fence: fenceIn(r.text(parts[4]))}
	for row := range r.rows(parts[0], 4) {
		s.holders = append(s.holders, lease{r.text(row[0]), r.text(row[1]), r.number(row[2]), r.text(row[3])})
	}
	for row := range r.rows(parts[2], 3) {
		s.waiters = append(s.waiters, ticket{r.text(row[0]), r.text(row[1]), r.number(row[2])})
	}
	if r.failed {
		return shown{}, fmt.Errorf("%w: %.100q", errReply, fmt.Sprint(a.reply))
	}
	return s, nil
}

// fenceIn reads a counter, and is 0 for what is none.
func fenceIn(text string) int64 {
	fence, err := strconv.ParseInt(text, 10, 64)
	if err != nil || fence < 0 {
		return 0
	}
	return fence
}

// reader takes values out of a reply, and notes when one is of another type.
type reader struct{ failed bool }

func (r *reader) text(value any) string {
	text, ok := value.(string)
	r.failed = r.failed || !ok
	return text
}

func (r *reader) number(value any) int64 {
	number, ok := value.(int64)
	r.failed = r.failed || !ok
	return number
}

// rows yields a flat list in rows of n values.
func (r *reader) rows(value any, n int) func(yield func([]any) bool) {
	list, ok := value.([]any)
	r.failed = r.failed || !ok || len(list)%n != 0
	return func(yield func([]any) bool) {
		for ; len(list) >= n; list = list[n:] {
			if !yield(list[:n]) {
				return
			}
		}
	}
}
