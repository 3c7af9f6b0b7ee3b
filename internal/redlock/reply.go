package redlock

import (
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
)

// minFence is below every fencing token, as these count from a clock in µs since 1970, and
// above every other reply.
const minFence = 1 << 32

// maxAnnounced is the largest reply that says how long the lease lasts which is in the way:
// the number of ms is taken from it.
const maxAnnounced = -1000

// readVote reads the reply that most scripts give: 1, 0 or −1, or 2 for a yes that a
// client waits for the end of, −2 for a no because a client waits, or a number from
// maxAnnounced down for a no by a lease whose release notifies.
func readVote(reply any) (quorum.Answer, bool) {
	if n, ok := reply.(int64); ok && n <= maxAnnounced {
		return quorum.Answer{Vote: quorum.Taken, Remains: remaining(maxAnnounced - n)}, true
	}
	switch reply {
	case int64(1):
		return quorum.Answer{Vote: quorum.Yes}, true
	case int64(2):
		return quorum.Answer{Vote: quorum.Yes, Contested: true}, true
	case int64(0):
		return quorum.Answer{Vote: quorum.Taken}, true
	case int64(-2):
		return quorum.Answer{Vote: quorum.Taken, Contested: true, Remains: ticketLife}, true
	case int64(-1):
		return quorum.Answer{Vote: quorum.Missing}, true
	}
	return quorum.Answer{}, false
}

// readSet reads the reply of SET with NX.
func readSet(reply any) (quorum.Answer, bool) {
	switch reply {
	case "OK":
		return quorum.Answer{Vote: quorum.Yes}, true
	case nil:
		return quorum.Answer{Vote: quorum.Taken}, true
	}
	return quorum.Answer{}, false
}

// readNumber is readVote where leases are numbered: a fencing token is a yes, too.
func readNumber(reply any) (quorum.Answer, bool) {
	if n, ok := reply.(int64); ok && n >= minFence {
		return quorum.Answer{Vote: quorum.Yes, Number: n}, true
	}
	return readVote(reply)
}

// readNo is readVote where a yes has another shape.
func readNo(reply any) (quorum.Answer, bool) {
	a, ok := readVote(reply)
	return a, ok && a.Vote != quorum.Yes
}

// remaining is how long a lease lasts for which a script reports ms. One that is about to
// end lasts for a moment yet.
func remaining(ms int64) time.Duration {
	return time.Duration(min(ms, int64(maxRemaining/time.Millisecond)))*time.Millisecond + time.Millisecond
}

// maxRemaining is longer than any waiter waits without looking.
const maxRemaining = time.Hour

// grant is a node's reply to a request for slots: see semaphore_acquire.lua.
type grant struct {
	slots string // what the token has now, as "3-4,7"; "" when it was refused
	free  string // other slots that are free there
	above string // slots around the limit and above that others occupy
}

// readGrant reads such a reply. A refusal without a list is a vote like any other.
func readGrant(reply any) (quorum.Answer, bool) {
	text, ok := reply.(string)
	if !ok {
		return readNo(reply)
	}
	g, remains, ok := parseGrant(text)
	a := quorum.Answer{Vote: quorum.Yes, Choice: g.slots, Detail: &g}
	if g.slots == "" {
		a.Vote, a.Remains = quorum.Taken, remains
	}
	return a, ok
}

// parseGrant reads "granted", "granted free above", or "granted free above ms", which is
// how long a lease lasts that is in the way and whose release notifies.
func parseGrant(reply string) (g grant, remains time.Duration, ok bool) {
	slots, rest, lists := strings.Cut(reply, " ")
	free, rest, both := strings.Cut(rest, " ")
	above, ms, ends := strings.Cut(rest, " ")
	if ends {
		n, err := strconv.ParseInt(ms, 10, 64)
		if err != nil || n < 0 || slots != "" {
			return g, 0, false
		}
		remains = remaining(n)
	}
	ok = reply != "" && lists == both && slotset.Valid(slots) && slotset.Valid(free) && slotset.Valid(above)
	return grant{slots: slots, free: free, above: above}, remains, ok
}

// holders is a node's reply to the question who holds what: token, slots, token, slots, …
type holders []any

func readHolders(reply any) (quorum.Answer, bool) {
	list, ok := reply.([]any)
	if !ok {
		return readNo(reply)
	}
	return quorum.Answer{Vote: quorum.Yes, Detail: holders(list)}, len(list)%2 == 0
}
