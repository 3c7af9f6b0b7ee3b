package redlock

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// token names one try on the nodes.
type token struct {
	value string
	word  any // value, converted once for the commands that carry it

	// strict is set when the value came from the user: it may not be unique, so
	// the token never counts as its own predecessor.
	strict bool
}

func newToken(value string, strict bool) token {
	return token{value: value, word: value, strict: strict}
}

// nextToken makes the token of one try.
func (c *Config) nextToken() (token, error) {
	if c.GenValue == nil {
		return c.freshToken(), nil
	}
	value, err := c.GenValue()
	if err != nil {
		return token{}, fmt.Errorf("generating the value: %w", err)
	}
	if value == "" {
		return token{}, fmt.Errorf("%w: the value function returned an empty value: 0 bytes given, at least 1 needed", ErrConfig)
	}
	return newToken(value, true), nil
}

// freshToken makes a token of ours: UUID, or UUID@OWNER. The UUID is of version 7, so
// that tokens say when they were made, and sort by it.
func (c *Config) freshToken() token { return newToken(freshValue()+c.ownerMark(), false) }

func freshValue() string {
	return uuid.Must(uuid.NewV7()).String() // fails only where crypto/rand does, which never returns then
}

// MaxOwner is how many bytes an owner's text has at most: it is sent, and stored on
// every node, with each token.
const MaxOwner = 256

// SetOwner makes tokens end with who holds the lock.
func (c *Config) SetOwner(text string) {
	if len(text) > MaxOwner || !utf8.ValidString(text) || strings.ContainsFunc(text, breaksToken) {
		c.Reject(fmt.Errorf("%w: owner is %s, at most %d bytes of printable text without spaces needed", ErrConfig, quote(text), MaxOwner))
		return
	}
	c.owner = text
}

// ownerMark is what names the owner in a token and in a ticket.
func (c *Config) ownerMark() string {
	if c.owner == "" {
		return ""
	}
	return "@" + c.owner
}

// breaksToken reports what would end a token early where it stands among other words, in
// a message to waiters or in what a person reads.
func breaksToken(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }
