package redlock

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
	"github.com/holdfast-go/holdfast/scripts"
)

// slotsProtocol is a protocol with slots, of the tests' own.
var slotsProtocol = &Protocol{
	Kind:    "test",
	Acquire: scripts.Semaphore().Acquire,
	Extend:  scripts.Semaphore().Extend,
	Release: scripts.Semaphore().Release,
	Check:   scripts.Semaphore().Check,
	AuxKeys: []string{"a", "b"},

	Withdraw: scripts.Semaphore().Withdraw,
	LineKeys: []string{"line", "waiters"},
}

// fakePermit is a token's slots on a fake node.
type fakePermit struct {
	slots []int
	ends  time.Time
}

// slotsOf are a permit's slots on the node, once everything has settled.
func (f *fakeNode) slotsOf(p *Permit) (slots []int) {
	f.set(func() { slots = f.permits[p.Value()].slots })
	return slots
}

// runSlots is what the semaphore's scripts do. f.mu is held.
func (f *fakeNode) runSlots(call *driver.Call) any {
	for token, p := range f.permits {
		if !time.Now().Before(p.ends) {
			delete(f.permits, token)
		}
	}
	args := call.Args()
	if call.Script() == scripts.Semaphore().Held {
		return f.listPermits()
	}
	token := args[0].(string)
	p, there := f.permits[token]
	switch call.Script() {
	case scripts.Semaphore().Acquire:
		return f.grantSlots(call.Keys()[0].(string), token, args)
	case scripts.Semaphore().Extend:
		if !there || slotset.Format(p.slots) != args[2] {
			return int64(-1)
		}
		p.ends = later(p.ends, lifetime(args[1]))
		f.permits[token] = p
	case scripts.Semaphore().Check:
		if !there || slotset.Format(p.slots) != args[1] {
			return int64(-1)
		}
	case scripts.Semaphore().Release:
		lock, place := call.Keys()[0].(string), args[1].(string)
		f.enqueue(lock, place, args[2])
		delete(f.permits, token)
		f.wake(lock, place, f.servesThose())
		if !there {
			return int64(-1)
		}
	case scripts.Semaphore().Withdraw:
		lock := call.Keys()[0].(string)
		had := f.dequeue(lock, token)
		f.wake(lock, "", f.servesThose())
		if !had {
			return int64(-1)
		}
	}
	return int64(1)
}

func lifetime(ms any) time.Time {
	return time.Now().Add(time.Duration(ms.(int64)) * time.Millisecond)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (f *fakeNode) listPermits() any {
	list := []any{}
	for token, p := range f.permits {
		list = append(list, token, slotset.Format(p.slots))
	}
	return list
}

// servesThose is that of semaphore_prelude.lua. f.mu is held.
func (f *fakeNode) servesThose() func(id string) bool {
	occupied := len(f.occupied())
	return func(id string) bool {
		_, numbers, _ := strings.Cut(id[strings.Index(id, "|"):], ":")
		n, limit, _ := strings.Cut(numbers, ":")
		occupied += leadingInt(n)
		return occupied <= leadingInt(limit)
	}
}

// leadingInt reads the digits at the beginning of a text. fmt does so too, and is a tenth of
// a long test's time.
func leadingInt(text string) (n int) {
	for i := 0; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		n = 10*n + int(text[i]-'0')
	}
	return n
}

// grantedBefore is the reply to a second run, which changes nothing; nil if it is none.
func (f *fakeNode) grantedBefore(lock, token string, args []any) any {
	p, there := f.permits[token]
	slots := slotset.Format(p.slots)
	if !there || len(args) < 9 || args[8] != token || len(p.slots) != int(args[3].(int64)) || args[4] != "" && args[4] != slots {
		return nil
	}
	f.permits[token] = fakePermit{p.slots, lifetime(args[1])}
	f.serve(lock, args[6].(string))
	if args[5].(int64) == 0 {
		return slots
	}
	return slots + "  "
}

func (f *fakeNode) grantSlots(lock, token string, args []any) any {
	for _, old := range args[8:] {
		if old != token || f.rash {
			delete(f.permits, old.(string))
		}
	}
	if reply := f.grantedBefore(lock, token, args); reply != nil {
		return reply
	}
	if len(args) > 8 && args[8] == token {
		delete(f.permits, token)
	}
	limit, n, telling := int(args[2].(int64)), int(args[3].(int64)), int(args[5].(int64))
	place := args[6].(string)
	if !f.mayPass(lock, place) {
		f.enqueue(lock, place, args[7])
		if telling == 0 {
			return int64(0)
		}
		return "  "
	}
	occupied := f.occupied()
	var free []int
	for slot := 0; slot < limit && len(free) < n+telling; slot++ {
		if !occupied[slot] {
			free = append(free, slot)
		}
	}
	var granted []int
	_, foreign := f.permits[token]
	switch wanted := slotset.Parse(args[4].(string)); {
	case len(occupied)+n > limit || foreign:
	case len(wanted) == 0:
		granted, free = free[:n], free[n:]
	case !slices.ContainsFunc(wanted, func(slot int) bool { return occupied[slot] || slot >= limit }):
		granted = wanted
	}
	if granted != nil {
		f.permits[token] = fakePermit{granted, lifetime(args[1])}
		f.serve(lock, place)
	} else {
		f.enqueue(lock, place, args[7])
	}
	if f.perNode && granted != nil {
		return slotset.Format(firstSlots(n)) // "n of mine", whichever
	}
	full := place != "" && len(occupied)+n > limit
	if telling == 0 {
		if full {
			return announcedUntil(f.firstEnd())
		}
		return grantOrZero(granted)
	}
	if full {
		ms := maxAnnounced - announcedUntil(f.firstEnd())
		return " " + slotset.Format(free[:min(len(free), telling)]) + " " + f.around(occupied, limit) + " " + strconv.FormatInt(ms, 10)
	}
	return slotset.Format(granted) + " " + slotset.Format(free[:min(len(free), telling)]) + " " + f.around(occupied, limit)
}

func grantOrZero(granted []int) any {
	if granted == nil {
		return int64(0)
	}
	return slotset.Format(granted)
}

func firstSlots(n int) []int {
	slots := make([]int, n)
	for i := range slots {
		slots[i] = i
	}
	return slots
}

func (f *fakeNode) occupied() slotset.Set {
	occupied := make(slotset.Set)
	for _, p := range f.permits {
		for _, slot := range p.slots {
			occupied[slot] = true
		}
	}
	return occupied
}

// around lists what is occupied from limit−32 on, before the grant.
func (f *fakeNode) around(occupied slotset.Set, limit int) string {
	slots := occupied.Sorted()
	slots = slices.DeleteFunc(slots, func(slot int) bool { return slot < limit-belowLimit })
	return slotset.Format(slots[:min(len(slots), 64)])
}

// firstEnd is when the first permit ends.
func (f *fakeNode) firstEnd() (ends time.Time) {
	for _, p := range f.permits {
		if ends.IsZero() || p.ends.Before(ends) {
			ends = p.ends
		}
	}
	return ends
}
