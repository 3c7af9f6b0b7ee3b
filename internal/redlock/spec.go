package redlock

import (
	"context"
	"slices"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/keyslot"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
	"github.com/holdfast-go/holdfast/scripts"
)

// Protocol is the server's half of a primitive: the scripts that run on every
// node. They all get the same keys, and answer 1 when they did what was asked
// for our token, 0 when somebody else's is there, and −1 when nothing is.
type Protocol struct {
	// Kind is the public package's name, for error texts.
	Kind string
	// Half is "write" or "read" where the protocol is of one half of a lock, for hooks.
	Half string

	Acquire *scripts.Script // ARGV: token, expiry in ms, tokens that may be replaced…
	Extend  *scripts.Script // ARGV: token, expiry in ms; never writes what is missing
	Revive  *scripts.Script // ARGV: token, expiry in ms; writes what is missing
	Release *scripts.Script // ARGV: token
	Check   *scripts.Script // ARGV: token; writes nothing

	// Repair is what puts a hold back on a node that forgot it; ARGV: token,
	// expiry in ms. It is nil where Acquire does.
	Repair *scripts.Script
	// Convert turns another protocol's hold with the same token and keys into
	// one of this protocol; ARGV: token, expiry in ms. Most have none.
	Convert *scripts.Script
	// Pass is Extend for a lease that is to pass on inside its process: it answers 2 where
	// others stand in line; ARGV: token, expiry in ms. Where it is nil, a lease passes on
	// only for as long as that takes no request.
	Pass *scripts.Script
	// Withdraw takes back the place in line that a refused try gets when its
	// caller goes on waiting; ARGV: the place's id. Where it is not nil, Acquire
	// gets the id and the place's lifetime in ms after the expiry, and Release, to
	// put the place back, after the token: "" for none.
	Withdraw *scripts.Script

	// Fenced is the variant that numbers its holds, or nil where there is none. Its
	// Acquire and Pass get as their last argument how many numbers the lease is to have,
	// and answer the largest of them in place of 1; its Extend, Revive and Repair get that
	// number as their last argument; Repair gets the others of an Acquire without numbers.
	Fenced *Protocol
	// Fence writes a number to a node where a token has the lock; ARGV: token, expiry
	// in ms, number. It is not nil in a variant that numbers, and only there.
	Fence *scripts.Script
	// FenceKey is the kind of the counter's key, after the AuxKeys.
	FenceKey string

	// AuxKeys are the kinds of the keys that the scripts get (see [keyslot.Aux]). When
	// there are none, the lock's name is their only key.
	AuxKeys []string
	// LineKeys are the kinds of the keys of the line. Acquire, Release and
	// Withdraw get them after the others.
	LineKeys []string
}

// ticketLife is how long a place in line lasts on a node, where answers are not slow. It
// outlives its waiter by two seconds, whatever the expiry is.
const ticketLife = 2 * time.Second

// Spec is what a lock object is made of. It does not change once made, and is
// shared by the object's holds.
type Spec struct {
	Config
	engine   *Engine
	protocol *Protocol
	name     string
	keys     []any // of the lock
	lineKeys []any // the same, and those of its line

	limit     int    // of an object with slots
	limitWord any    // limit, converted once
	oneSlot   string // ends the id of a place for one: see slotsSuffix

	expiry any           // in ms, converted once
	bound  time.Duration // of one call
	err    error         // why it can not be used

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
	s.lineKeys = auxKeys(slices.Clip(keys), name, p.LineKeys)
	if s.err = e.err; s.err == nil {
		s.err = s.Config.check(name)
	}
	s.expiry = s.Expiry.Milliseconds()
	s.bound = s.Config.bound()
	s.observer = s.observed(kind)
	return s
}

// kind is what the lock is called in hooks.
func (p *Protocol) kind() string {
	if p.Half == "" {
		return p.Kind
	}
	return p.Kind + "." + p.Half
}

// keys are those of the lock called name.
func (p *Protocol) keys(name string) []any {
	if len(p.AuxKeys) == 0 {
		return []any{name}
	}
	return auxKeys(nil, name, p.AuxKeys)
}

// auxKeys adds the keys of some kinds to others.
func auxKeys(keys []any, name string, kinds []string) []any {
	keys = slices.Grow(keys, len(kinds))
	for _, kind := range kinds {
		keys = append(keys, keyslot.Aux(name, kind))
	}
	return keys
}

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

// maxReplaceable bounds how many earlier tokens a try's scripts are told of.
// They are told only to save a try from being refused by its own leftovers,
// which are released anyway.
const maxReplaceable = 8

// acquireCall takes the key for t. A node may find there, and replace, t itself,
// in case the request is run twice, and what earlier tries of the same object
// have left. A value of the user's own may be somebody else's too, so it replaces
// nothing and is replaced by nothing.
// With numbers is how many the lease is to have; 0 for a repair, which gets none.
func (s *Spec) acquireCall(t token, left []*footprint, tk *ticket, numbers int64) driver.Call {
	var few [6 + maxReplaceable]any // does not leave the stack
	args := append(few[:0], t.word, s.expiry)
	if s.protocol.Withdraw != nil {
		id, lifetime := tk.words()
		args = append(args, id, lifetime)
	}
	if !t.strict {
		args = append(args, t.word)
		for _, h := range left {
			args = append(args, h.token.word)
		}
	}
	if numbers > 0 {
		args = append(args, numbers)
	}
	return driver.NewCall(s.protocol.Acquire, s.lineKeys, args...)
}

// passCall renews a lease, and asks whether others stand in line.
func (s *Spec) passCall(h *hold) driver.Call {
	if s.numbers() {
		return driver.NewCall(s.protocol.Pass, s.lineKeys, h.token.word, s.expiry, h.numbers.size)
	}
	return driver.NewCall(s.protocol.Pass, s.lineKeys, h.token.word, s.expiry)
}

func (s *Spec) extendCall(h *hold) driver.Call {
	script := s.protocol.Extend
	if s.SetNXOnExtend {
		script = s.protocol.Revive
	}
	switch {
	case h.slots != "":
		return driver.NewCall(script, s.keys, h.token.word, s.expiry, h.slots)
	case s.numbers():
		return driver.NewCall(script, s.keys, h.token.word, s.expiry, h.lastNumber())
	}
	return driver.NewCall(script, s.keys, h.token.word, s.expiry)
}

// repairCall asks for what the hold has had.
func (s *Spec) repairCall(h *hold) driver.Call {
	switch {
	case h.slots != "":
		return s.slotsCall(h.token, nil, request{n: len(slotset.Parse(h.slots)), wanted: h.slots}, nil)
	case s.numbers():
		return s.numberedRepairCall(h)
	case s.protocol.Repair != nil:
		return driver.NewCall(s.protocol.Repair, s.keys, h.token.word, s.expiry)
	default:
		return s.acquireCall(h.token, nil, nil, 0)
	}
}

func (s *Spec) convertCall(h *hold) driver.Call {
	return driver.NewCall(s.protocol.Convert, s.keys, h.token.word, s.expiry)
}

// releaseCall gives t back, and puts tk back in its place if there is one.
func (s *Spec) releaseCall(t token, tk *ticket) driver.Call {
	if s.protocol.Withdraw != nil {
		id, lifetime := tk.words()
		return driver.NewCall(s.protocol.Release, s.lineKeys, t.word, id, lifetime)
	}
	return driver.NewCall(s.protocol.Release, s.lineKeys, t.word)
}

// withdrawCall takes back the place in line whose id is t.
func (s *Spec) withdrawCall(t token) driver.Call {
	return driver.NewCall(s.protocol.Withdraw, s.lineKeys, t.word)
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

func (s *Spec) checkCall(h *hold) driver.Call {
	if h.slots != "" {
		return driver.NewCall(s.protocol.Check, s.keys, h.token.word, h.slots)
	}
	return driver.NewCall(s.protocol.Check, s.keys, h.token.word)
}
