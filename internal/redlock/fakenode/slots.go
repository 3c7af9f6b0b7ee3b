package fakenode

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
	"github.com/holdfast-go/holdfast/scripts"
)

// belowLimit is how far below its limit a node lists occupied slots, and maxListed how many.
const (
	belowLimit = 32
	maxListed  = 64
)

// slotsCall is one run of a script of the semaphore.
type slotsCall struct {
	*State
	lock, token string
	args        []any
	permit      Permit // the token's …
	there       bool   // … if it has one
}

var slotsScripts = map[*scripts.Script]func(*slotsCall) any{
	scripts.Semaphore().Acquire:  (*slotsCall).acquire,
	scripts.Semaphore().Extend:   (*slotsCall).extend,
	scripts.Semaphore().Check:    (*slotsCall).check,
	scripts.Semaphore().Release:  (*slotsCall).release,
	scripts.Semaphore().Withdraw: (*slotsCall).withdraw,
}

// runSlots runs a script of the semaphore, after what has ended was removed.
func (s *State) runSlots(call *driver.Call) any {
	for token, p := range s.Permits {
		if !time.Now().Before(p.Ends) {
			delete(s.Permits, token)
		}
	}
	if call.Script() == scripts.Semaphore().Held {
		return s.listPermits()
	}
	c := &slotsCall{State: s, lock: call.Keys()[0].(string), args: call.Args()}
	c.token = c.args[0].(string)
	c.permit, c.there = s.Permits[c.token]
	return slotsScripts[call.Script()](c)
}

func (s *State) listPermits() any {
	list := []any{}
	for token, p := range s.Permits {
		list = append(list, token, slotset.Format(p.Slots))
	}
	return list
}

// has reports whether the token has exactly the slots of an argument.
func (c *slotsCall) has(slots any) bool { return c.there && slotset.Format(c.permit.Slots) == slots }

func (c *slotsCall) extend() any {
	if !c.has(c.args[2]) {
		return int64(-1)
	}
	c.permit.Ends = later(c.permit.Ends, in(c.args[1]))
	c.Permits[c.token] = c.permit
	return int64(1)
}

func (c *slotsCall) check() any { return whether(c.has(c.args[1])) }

func (c *slotsCall) release() any {
	ticket, lifetime := ticketOf(c.args)
	c.requeue(c.lock, ticket, lifetime)
	delete(c.Permits, c.token)
	c.notify(c.lock, ticket, c.fits(), c.give)
	return whether(c.there)
}

func (c *slotsCall) withdraw() any {
	had := c.Dequeue(c.lock, c.token)
	c.notify(c.lock, "", c.fits(), c.give)
	return whether(had)
}

// whether is the reply to a token that had something, or nothing.
func whether(had bool) any {
	if had {
		return int64(1)
	}
	return int64(-1)
}

// fits is serves of semaphore_grant_prelude.lua.
func (s *State) fits() func(id string) bool {
	occupied := len(s.occupied())
	return func(id string) bool {
		_, n, limit := cutSlots(id)
		occupied += n
		return occupied <= limit
	}
}

// cutSlots cuts ":N:LIMIT" off an id.
func cutSlots(id string) (rest string, n, limit int) {
	at := strings.LastIndexByte(id, ':')
	before := strings.LastIndexByte(id[:max(at, 0)], ':')
	if before < 0 {
		return id, 0, 0
	}
	return id[:before], leadingInt(id[before+1:]), leadingInt(id[at+1:])
}

// leadingInt reads the digits at the beginning of a text. fmt does so too, and is a tenth of
// a long test's time.
func leadingInt(text string) (n int) {
	for i := 0; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		n = 10*n + int(text[i]-'0')
	}
	return n
}

// give is grant of semaphore_grant_prelude.lua.
func (s *State) give(ticket Ticket) (message string) {
	g := s.grantee(nil, ticket.ID, ticket.Look)
	if g.message == "" {
		return ""
	}
	token, n, limit := cutSlots(g.token)
	if _, there := s.Permits[token]; there {
		return ""
	}
	free := s.lowest(n, limit)
	s.Permits[token] = Permit{free, time.Now().Add(g.lifetime)}
	return g.message + ":" + slotset.Format(free)
}

// lowest are the count lowest free slots below a limit.
func (s *State) lowest(count, limit int) (free []int) {
	occupied := s.occupied()
	for slot := 0; slot < limit && len(free) < count; slot++ {
		if !occupied[slot] {
			free = append(free, slot)
		}
	}
	return free
}

func (s *State) occupied() slotset.Set {
	occupied := make(slotset.Set)
	for _, p := range s.Permits {
		for _, slot := range p.Slots {
			occupied[slot] = true
		}
	}
	return occupied
}

// firstEnd is when the first permit ends.
func (s *State) firstEnd() (ends time.Time) {
	for _, p := range s.Permits {
		if ends.IsZero() || p.Ends.Before(ends) {
			ends = p.Ends
		}
	}
	return ends
}

// acquire gives slots to a token, or a ticket.
func (c *slotsCall) acquire() any {
	c.discard()
	if reply := c.again(); reply != nil {
		return reply
	}
	if len(c.args) > 8 && c.args[8] == c.token {
		delete(c.Permits, c.token)
	}
	a := acquisition{
		slotsCall: c, limit: int(c.args[2].(int64)), n: int(c.args[3].(int64)),
		listing: int(c.args[5].(int64)), ticket: c.args[6].(string),
	}
	return a.run()
}

// discard takes the permits of the tokens away that this call replaces.
func (c *slotsCall) discard() {
	for _, old := range c.args[8:] {
		if old != c.token || c.DropsOwn {
			delete(c.Permits, old.(string))
		}
	}
}

// again is the reply to a second run, which changes nothing; nil if it is none.
func (c *slotsCall) again() any {
	p, there := c.Permits[c.token]
	slots := slotset.Format(p.Slots)
	if !there || len(c.args) < 9 || c.args[8] != c.token || len(p.Slots) != int(c.args[3].(int64)) || c.args[4] != "" && c.args[4] != slots {
		return nil
	}
	c.Permits[c.token] = Permit{p.Slots, in(c.args[1])}
	c.serve(c.lock, c.args[6].(string))
	if c.args[5].(int64) == 0 {
		return slots
	}
	return slots + "  "
}

// acquisition is an acquire of which nothing was granted before.
type acquisition struct {
	*slotsCall
	limit, n int
	listing  int // how many free slots the reply lists
	ticket   string

	occupied      slotset.Set // before anything is granted
	free, granted []int
}

func (a *acquisition) run() any {
	if !a.mayPass(a.lock, a.ticket) {
		a.Enqueue(a.lock, a.ticket, a.args[7])
		if a.listing == 0 {
			return int64(0)
		}
		return "  "
	}
	a.choose()
	if a.granted == nil {
		a.Enqueue(a.lock, a.ticket, a.args[7])
		return a.refusal()
	}
	a.Permits[a.token] = Permit{a.granted, in(a.args[1])}
	a.serve(a.lock, a.ticket)
	switch {
	case a.CountsPermits:
		return slotset.Format(firstSlots(a.n)) // "n of mine", whichever
	case a.listing == 0:
		return slotset.Format(a.granted)
	}
	return a.lists()
}

// choose grants the slots that the call asks for, or else the lowest free ones, if so many
// are within the limit.
func (a *acquisition) choose() {
	a.occupied = a.State.occupied()
	a.free = a.lowest(a.n+a.listing, a.limit)
	_, foreign := a.Permits[a.token]
	if foreign || a.isFull() {
		return
	}
	wanted := slotset.Parse(a.args[4].(string))
	switch {
	case len(wanted) == 0:
		a.granted, a.free = a.free[:a.n], a.free[a.n:]
	case !slices.ContainsFunc(wanted, func(slot int) bool { return a.occupied[slot] || slot >= a.limit }):
		a.granted = wanted
	}
}

func (a *acquisition) isFull() bool { return len(a.occupied)+a.n > a.limit }

// refusal is the reply to a call that was granted nothing. A waiter that finds the semaphore
// full gets to know when the first permit ends.
func (a *acquisition) refusal() any {
	waits := a.ticket != "" && a.isFull()
	switch {
	case a.listing == 0 && waits:
		return announcedUntil(a.firstEnd())
	case a.listing == 0:
		return int64(0)
	case waits:
		return a.lists() + " " + strconv.FormatInt(remaining(a.firstEnd()), 10)
	}
	return a.lists()
}

// lists is what was granted, some free slots, and what is occupied around the limit.
func (a *acquisition) lists() string {
	free := a.free[:min(len(a.free), a.listing)]
	return slotset.Format(a.granted) + " " + slotset.Format(free) + " " + a.around()
}

// around lists what was occupied before the grant, from just below the limit on.
func (a *acquisition) around() string {
	slots := slices.DeleteFunc(a.occupied.Sorted(), func(slot int) bool { return slot < a.limit-belowLimit })
	return slotset.Format(slots[:min(len(slots), maxListed)])
}

func firstSlots(n int) []int {
	slots := make([]int, n)
	for i := range slots {
		slots[i] = i
	}
	return slots
}
