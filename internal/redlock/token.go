package redlock

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
)

// token marks one try on the nodes.
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
		return newToken(randomValue(), false), nil
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

// randomValue is 128 random bits in Redsync's format.
func randomValue() string {
	var bits [16]byte
	_, _ = rand.Read(bits[:]) // never fails: see crypto/rand
	var text [24]byte
	base64.StdEncoding.Encode(text[:], bits[:])
	return string(text[:])
}
