package fakenode

import (
	"slices"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

// mutexCall is one run of a script of the mutex.
type mutexCall struct {
	*State
	keys, args  []any
	name, token string
	key         Key  // what the lock's key has …
	there, ours bool // … if it has anything, and whether that is the token
}

var mutexScripts = map[*scripts.Script]func(*mutexCall) any{
	scripts.Mutex().Acquire:     (*mutexCall).acquire,
	scripts.Mutex().Pass:        (*mutexCall).pass,
	scripts.Mutex().Withdraw:    (*mutexCall).withdraw,
	scripts.Mutex().ExtendOrSet: (*mutexCall).extendOrSet,
	scripts.Mutex().Extend:      (*mutexCall).extend,
	scripts.Mutex().Release:     (*mutexCall).release,
	scripts.Mutex().Check:       (*mutexCall).check,
}

// runMutex runs a script of the mutex.
func (s *State) runMutex(call *driver.Call) any {
	script := mutexScripts[call.Script()]
	if script == nil {
		panic("fake: unknown script " + call.Script().Name())
	}
	c := &mutexCall{State: s, keys: call.Keys(), args: call.Args()}
	c.name, c.token = c.keys[0].(string), c.args[0].(string)
	c.key, c.there = s.Live(c.name)
	c.ours = c.there && c.key.Token == c.token
	return script(c)
}

// setNX is SET with NX.
func (s *State) setNX(name string, args []any) any {
	if _, there := s.Live(name); there {
		return nil
	}
	s.Keys[name] = Key{args[0].(string), in(args[3])}
	return "OK"
}

// write gives the token the lock, if it may have it.
func (c *mutexCall) write(may bool) int64 {
	if !may {
		return 0
	}
	c.Keys[c.name] = Key{c.token, in(c.args[1])}
	return 1
}

func (c *mutexCall) acquire() any {
	ticket := c.args[2].(string)
	replaces := c.there && slices.Contains(c.args[4:], any(c.key.Token))
	if c.write((!c.there || replaces) && (c.mayPass(c.name, ticket) || c.ours)) == 1 {
		c.serve(c.name, ticket)
		return int64(1)
	}
	c.Enqueue(c.name, ticket, c.args[3])
	if ticket != "" && c.there && !replaces {
		return announced(c.key.Token, c.key.Ends)
	}
	return int64(0)
}

func (c *mutexCall) pass() any {
	if !c.there {
		return int64(-1)
	}
	if c.write(c.ours) == 0 {
		return int64(0)
	}
	if len(c.keys) > 1 && c.isAwaited(c.name) {
		return int64(2)
	}
	return int64(1)
}

func (c *mutexCall) withdraw() any {
	if len(c.keys) == 1 { // there is no line to see
		return int64(-1)
	}
	had := c.Dequeue(c.name, c.token)
	if !c.there {
		c.GrantFirst(c.keys, "")
	}
	if !had {
		return int64(-1)
	}
	return int64(1)
}

func (c *mutexCall) extendOrSet() any { return c.write(!c.there || c.ours) }

func (c *mutexCall) extend() any {
	if !c.there {
		return int64(-1)
	}
	return c.write(c.ours)
}

func (c *mutexCall) release() any {
	ticket, lifetime := ticketOf(c.args)
	c.requeue(c.name, ticket, lifetime)
	if c.there && !c.ours {
		return int64(0)
	}
	delete(c.Keys, c.name)
	if len(c.keys) > 1 {
		c.GrantFirst(c.keys, ticket)
	}
	if !c.there {
		return int64(-1)
	}
	return int64(1)
}

func (c *mutexCall) check() any {
	switch {
	case !c.there:
		return int64(-1)
	case c.ours:
		return int64(1)
	}
	return int64(0)
}

// GrantFirst grants a free mutex to the first in line, or notifies that waiter: notify of
// notify_prelude.lua with grant of mutex_grant_prelude.lua.
func (s *State) GrantFirst(keys []any, but string) {
	lock := keys[0].(string)
	served := false
	first := func(string) bool {
		was := served
		served = true
		return !was
	}
	s.notify(lock, but, first, func(ticket Ticket) string {
		g := s.grantee(keys, ticket.ID, ticket.Look)
		if g.message != "" {
			s.Keys[lock] = Key{g.token, time.Now().Add(g.lifetime)}
		}
		return g.message
	})
}
