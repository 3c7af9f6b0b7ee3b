package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"

	"github.com/holdfast-go/holdfast/inspect"
)

// page is what show -json prints. Bytes that are no UTF-8 are replaced.
type page struct {
	Name  string `json:"name"`
	Locks []lock `json:"locks"`
}

type lock struct {
	Kind    string   `json:"kind"`
	Held    int      `json:"held"`
	Waiting int      `json:"waiting"`
	Fence   int64    `json:"fence,omitempty"`
	Holders []holder `json:"holders"`
	Waiters []waiter `json:"waiters"`
	Nodes   []node   `json:"nodes"`
}

type holder struct {
	Value       string     `json:"value"`
	Owner       string     `json:"owner,omitempty"`
	Mode        string     `json:"mode"`
	Slots       []int      `json:"slots,omitempty"`
	Since       *time.Time `json:"since,omitempty"`
	RemainingMS *int64     `json:"remaining_ms"` // null: for ever
	Nodes       []int      `json:"nodes"`
	Majority    bool       `json:"majority"`
}

type waiter struct {
	Ticket  string    `json:"ticket"`
	Process string    `json:"process"`
	Owner   string    `json:"owner,omitempty"`
	Mode    string    `json:"mode"`
	Count   int       `json:"count"`
	Since   time.Time `json:"since"`
	Nodes   []int     `json:"nodes"`
}

type node struct {
	Addr        string `json:"addr,omitempty"`
	Error       string `json:"error,omitempty"`
	Unreachable bool   `json:"unreachable,omitempty"`
}

func asJSON(name string, found []inspect.Status) page {
	p := page{Name: name, Locks: []lock{}}
	for _, s := range found {
		l := lock{Kind: s.Kind, Held: s.Held, Waiting: s.Waiting, Fence: s.Fence, Holders: []holder{}, Waiters: []waiter{}}
		for _, h := range s.Holders {
			l.Holders = append(l.Holders, holderJSON(h))
		}
		for _, w := range s.Waiters {
			l.Waiters = append(l.Waiters, waiter{w.ID, w.Process, w.Owner, string(w.Mode), w.Count, w.Since, w.Nodes})
		}
		for _, n := range s.Nodes {
			text := ""
			if n.Err != nil {
				text = message(n.Err)
			}
			l.Nodes = append(l.Nodes, node{n.Addr, text, n.Unreachable})
		}
		p.Locks = append(p.Locks, l)
	}
	return p
}

// printJSON prints a page in one line. What is not printable is escaped, which it may be only
// within strings: encoding/json leaves some of it as it is.
func printJSON(out io.Writer, p page) {
	text, err := json.Marshal(p)
	if err != nil {
		panic(err) // it has no value that could not be encoded
	}
	var line strings.Builder
	for _, r := range string(text) {
		if unicode.IsPrint(r) {
			line.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&line, `\u%04x`, unit)
		}
	}
	fmt.Fprintln(out, line.String())
}

func holderJSON(h inspect.Holder) holder {
	j := holder{Value: h.Value, Owner: h.Owner, Mode: string(h.Mode), Slots: h.Slots, Nodes: h.Nodes, Majority: h.Majority}
	if year := h.Since.Year(); !h.Since.IsZero() && year <= 9999 { // a token may contain any time
		j.Since = &h.Since
	}
	if h.Remaining != inspect.Forever {
		ms := h.Remaining.Milliseconds()
		j.RemainingMS = &ms
	}
	return j
}
