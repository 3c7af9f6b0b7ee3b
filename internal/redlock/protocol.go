package redlock

import (
	"slices"

	"github.com/holdfast-go/holdfast/internal/redlock/keyslot"
	"github.com/holdfast-go/holdfast/scripts"
)

// Protocol is the server's half of a primitive: the scripts that run on every
// node. They all get the same keys, and answer 1 when they did what was asked
// for our token, 0 when another client's is there, and −1 when nothing is.
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

	// Repair is what puts a lease back on a node that forgot it; ARGV: token,
	// expiry in ms. It is nil where Acquire does.
	Repair *scripts.Script
	// Convert turns another protocol's lease with the same token and keys into
	// one of this protocol; ARGV: token, expiry in ms. Most have none.
	Convert *scripts.Script
	// Pass is Extend for a lease that is to pass on inside its process: it answers 2 where
	// others stand in line; ARGV: token, expiry in ms. Where it is nil, a lease passes on
	// only for as long as that takes no request.
	Pass *scripts.Script
	// Withdraw takes back the ticket that a refused try gets when its caller goes on
	// waiting; ARGV: the ticket's id. Where it is not nil, Acquire gets the id and the
	// ticket's lifetime in ms after the expiry, and Release, to put the ticket back,
	// after the token: "" for none.
	Withdraw *scripts.Script

	// Fenced is the variant that numbers its leases, or nil where there is none. Its
	// Acquire and Pass get as their last argument how many numbers the lease is to have,
	// and answer the largest of them in place of 1; its Extend, Revive and Repair get that
	// number as their last argument; Repair gets the others of an Acquire without numbers.
	Fenced *Protocol
	// Fence writes a number to a node where a token has the lock; ARGV: token, expiry
	// in ms, number. It is not nil in a variant that numbers, and only there.
	Fence *scripts.Script
	// FenceKey is the kind of the counter's key, after the AuxKeys.
	FenceKey string

	// Plain is set where the lock is nothing but its name's key, so that SET NX takes it.
	Plain bool
	// Grants is set where Release and Withdraw may grant the lock to waiters, if this is the
	// only node: see granted.go. Release takes a ticket away whose lifetime is 0.
	Grants bool
	// Polled is set where clients of other libraries poll for the same lock. Now and then they
	// find it free: see mostly.
	Polled bool

	// AuxKeys are the kinds of the keys that the scripts get (see [keyslot.Aux]). When
	// there are none, the lock's name is their only key.
	AuxKeys []string
	// QueueKeys are the kinds of the keys of the waiters' queue. Acquire, Release and
	// Withdraw get them after the others.
	QueueKeys []string
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

// fenced chooses the variant of a protocol that numbers its leases, and its keys.
func (p *Protocol) fenced(name string, c *Config, keys []any) (*Protocol, []any) {
	if !c.Fencing || p.Fenced == nil {
		return p, keys
	}
	return p.Fenced, append(slices.Clip(keys), keyslot.Aux(name, p.Fenced.FenceKey))
}
