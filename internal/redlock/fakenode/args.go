package fakenode

import (
	"strconv"
	"strings"
	"time"
)

// in is the time after so many milliseconds.
func in(ms any) time.Time {
	return time.Now().Add(time.Duration(ms.(int64)) * time.Millisecond)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// lifetimeOf reads MS or MS:LOOK.
func lifetimeOf(word any) (lifetime time.Duration, look int) {
	ms, ok := word.(int64)
	if !ok {
		text, number, _ := strings.Cut(word.(string), ":")
		ms, _ = strconv.ParseInt(text, 10, 64)
		look, _ = strconv.Atoi(number)
	}
	return time.Duration(ms) * time.Millisecond, look
}

// ticketOf is the ticket of a release, which has arguments for it only if there is one.
func ticketOf(args []any) (id string, lifetime any) {
	if len(args) < 3 {
		return "", int64(0)
	}
	return args[1].(string), args[2]
}

// maxAnnounced is the largest reply that says how long a lease lasts that is in the way, as
// the scripts have it.
const maxAnnounced = -1000

// announced is that of ticket_prelude.lua.
func announced(token string, ends time.Time) int64 {
	if len(token) < 36 || token[8] != '-' || token[13:15] != "-7" {
		return 0
	}
	return announcedUntil(ends)
}

func announcedUntil(ends time.Time) int64 { return maxAnnounced - remaining(ends) }

// remaining is the time until then in ms, or 0.
func remaining(ends time.Time) int64 { return max(0, time.Until(ends).Milliseconds()) }
