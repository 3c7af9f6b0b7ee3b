package redlock

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// Spec is what a lock object is made of. It does not change once made, and is
// shared by the object's leases.
type Spec struct {
	Config
	engine    *Engine
	protocol  *Protocol
	name      string
	keys      []any // of the lock
	queueKeys []any // the same, and those of its line

	limit     int    // of an object with slots
	limitWord any    // limit, converted once
	oneSlot   string // ends the id of a ticket for one: see slotsSuffix

	granting bool // a release may grant a waiter the lock

	expiry any           // in ms, converted once
	bound  time.Duration // of one call
	err    error         // why it cannot be used

	observer *observer // nil without hooks
}

// NewSpec checks a configuration and fixes it. It never fails: what is wrong is
// reported by the first call that would use it.
func (e *Engine) NewSpec(p *Protocol, name string, c Config) *Spec {
	return e.newSpec(p, name, c, p.keys(name))
}

// newSpec is NewSpec for a lock whose keys are known: to find those of an odd name
// takes a search.
func (e *Engine) newSpec(p *Protocol, name string, c Config, keys []any) *Spec {
	kind := p.kind()
	p, keys = p.fenced(name, &c, keys)
	s := &Spec{Config: c, engine: e, protocol: p, name: name, keys: keys}
	s.queueKeys = auxKeys(slices.Clip(keys), name, p.QueueKeys)
	if s.err = e.err; s.err == nil {
		s.err = s.Config.check(name)
	}
	s.expiry = s.Expiry.Milliseconds()
	s.bound = s.Config.bound()
	s.granting = p.Grants && e.grants && c.GenValue == nil
	s.observer = newObserver(s.Hooks, kind, name)
	return s
}

// numbers reports that leases get a fencing token.
func (s *Spec) numbers() bool { return s.protocol.Fence != nil }

// Name is the lock's name.
func (s *Spec) Name() string { return s.name }

// fail makes the error of a call on this lock.
func (s *Spec) fail(what error, causes ...error) error {
	return &failure{kind: s.protocol.Kind, name: s.name, what: what, causes: causes}
}

// usable reports what makes every call on this lock fail.
func (s *Spec) usable() error {
	if s.err == nil {
		return nil
	}
	return s.fail(s.err)
}

// setCall takes the key for a token that is on no node yet, where nothing is.
func (s *Spec) setCall(t token) driver.Call {
	return driver.NewCommand("set", s.keys[:1], t.word, "NX", "PX", s.expiry)
}

// The words of a script's arguments where there is no ticket.
var noTicket, noLifetime any = "", int64(0)

// releaseCall gives t back, and puts a ticket back in its place if there is one, or, if
// its lifetime is 0, takes it away.
func (s *Spec) releaseCall(t token, id, lifetime any) driver.Call {
	if id == noTicket { // most have none, and a server takes time for each argument
		return driver.NewCall(s.protocol.Release, s.queueKeys, t.word)
	}
	return driver.NewCall(s.protocol.Release, s.queueKeys, t.word, id, lifetime)
}

// withdrawCall takes back the ticket whose id is t.
func (s *Spec) withdrawCall(t token) driver.Call {
	return driver.NewCall(s.protocol.Withdraw, s.queueKeys, t.word)
}

// about is the way of a call about t whose reply is a vote.
func (s *Spec) about(t token) quorum.Message {
	return quorum.Message{Read: readVote, Token: t.value, Bound: s.bound, Class: outbox.Ordinary}
}

// question asks all nodes about t.
func (s *Spec) question(ctx context.Context, t token, call *driver.Call) quorum.Question {
	q := quorum.Question{Message: s.about(t), Call: call, Shuffle: s.ShufflePools}
	q.Values = ctx
	return q
}

// grants makes q a question that puts what it is about on the nodes. A slower node is to
// have it, too.
func (s *Spec) grants(q *quorum.Question, to quorum.Observer) {
	q.To, q.Unsent, q.Contended = to, quorum.LeaveWon, true
	q.Read, q.Detailed = s.readsGrant(), s.limit > 0
}

// readsGrant reads what a node says that was to get what it is asked about.
func (s *Spec) readsGrant() quorum.Reader {
	switch {
	case s.limit > 0:
		return readGrant
	case s.numbers():
		return readNumber
	}
	return readVote
}

// slotsSuffix ends the id of a ticket for n slots: see semaphore_prelude.lua.
func (s *Spec) slotsSuffix(n int) string {
	if n == 1 {
		return s.oneSlot
	}
	return ":" + strconv.Itoa(n) + ":" + strconv.Itoa(s.limit)
}
