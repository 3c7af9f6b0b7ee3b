package fakenode

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// grant is a lease that a release gives to a waiter.
type grant struct {
	token    string
	lifetime time.Duration
	message  string // "" for none: the waiter is notified
}

// grantee is that of grant_prelude.lua.
func (s *State) grantee(keys []any, id string, look int) (g grant) {
	words := strings.SplitN(id, "|", 4)
	if len(words) < 4 || s.listeners(words[0]) == 0 {
		return grant{}
	}
	text, numbered := strings.CutSuffix(words[2], "f")
	ms, _ := strconv.ParseInt(text, 10, 64)
	message := fmt.Sprintf("%s=%d", id, look)
	if numbered {
		fence := map[int]int{4: 1, 6: 5}[len(keys)]
		if fence == 0 {
			return grant{}
		}
		message += fmt.Sprintf(":%d", s.issue(keys[fence].(string), ms))
	}
	s.Grants++
	return grant{words[3], s.rated(ms), message}
}

// rated is a lifetime by the node's clock.
func (s *State) rated(ms int64) time.Duration {
	if s.Rate > 0 {
		ms = int64(math.Ceil(float64(ms) * s.Rate))
	}
	return time.Duration(ms) * time.Millisecond
}

// notify is that of notify_prelude.lua. give returns the message of a grant, or "".
func (s *State) notify(lock, but string, serves func(id string) bool, give func(Ticket) string) {
	for _, ticket := range append([]Ticket(nil), s.Lines[lock]...) {
		switch {
		case !time.Now().Before(ticket.Ends):
			s.Dequeue(lock, ticket.ID)
		case ticket.ID == but || s.isAbsent(ticket.ID):
		case !serves(ticket.ID):
			return
		default:
			message := give(ticket)
			if message == "" {
				message = ticket.ID
			} else {
				s.Dequeue(lock, ticket.ID)
			}
			s.Publish(message)
		}
	}
}
