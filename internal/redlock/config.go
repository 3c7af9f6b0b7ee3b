package redlock

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/holdfast-go/holdfast"
)

// Defaults, which are Redsync's.
const (
	DefaultExpiry        = 8 * time.Second
	DefaultTries         = 32
	DefaultDriftFactor   = 0.01
	DefaultTimeoutFactor = 0.05

	minRetryDelay = 50 * time.Millisecond
	maxRetryDelay = 250 * time.Millisecond
)

// Config is how one lock object behaves. The options of the public packages set
// its fields and document them.
type Config struct {
	Expiry        time.Duration
	Tries         int
	Unlimited     bool // wait until ctx ends; Tries does not count
	RetryDelay    func(tries int) time.Duration
	DriftFactor   float64
	TimeoutFactor float64
	GenValue      func() (string, error) // nil: unique values of our own, see freshToken
	Value         string                 // adopted from elsewhere; "" for none
	SetNXOnExtend bool
	AutoExtend    bool // renew every lease until it is released
	ShufflePools  bool
	Fencing       bool            // leases are numbered, where the protocol can
	Hooks         *holdfast.Hooks // not changed any more; nil for none

	owner string // who holds the lock, for the tokens of our own; "" for none
	err   error  // an option's own complaint
}

// DefaultConfig returns the configuration of an object without options.
func DefaultConfig() Config {
	return Config{
		Expiry:        DefaultExpiry,
		Tries:         DefaultTries,
		RetryDelay:    randomDelay,
		DriftFactor:   DefaultDriftFactor,
		TimeoutFactor: DefaultTimeoutFactor,
	}
}

func randomDelay(int) time.Duration {
	return minRetryDelay + rand.N(maxRetryDelay-minRetryDelay)
}

// SetRetryDelay makes every delay the same.
func (c *Config) SetRetryDelay(d time.Duration) {
	if d < 0 {
		c.Reject(fmt.Errorf("%w: retry delay is %v, at least 0s needed", ErrConfig, d))
		return
	}
	c.RetryDelay = func(int) time.Duration { return d }
}

// SetGenValue makes tokens come from gen.
func (c *Config) SetGenValue(gen func() (string, error)) {
	if gen == nil {
		c.Reject(fmt.Errorf("%w: value function is nil, a function needed", ErrConfig))
	}
	c.GenValue = gen
}

// SetHooks has hooks called. Later changes of h count for nothing. Hooks without any are
// as none, and cost as little.
func (c *Config) SetHooks(h *holdfast.Hooks) {
	c.Hooks = nil
	if h != nil && !reflect.ValueOf(*h).IsZero() {
		hooks := *h
		c.Hooks = &hooks
	}
}

// Reject notes that an option cannot be used. The first complaint stays.
func (c *Config) Reject(err error) {
	if c.err == nil {
		c.err = err
	}
}

// check returns what is wrong with the configuration of an object called name.
func (c *Config) check(name string) error {
	// Whole milliseconds before anything is computed: Redis counts in them,
	// and a validity longer than the key's life would be trusted too long.
	given := c.Expiry
	c.Expiry = given.Truncate(time.Millisecond)
	switch {
	case c.err != nil:
		return c.err
	case name == "":
		return fmt.Errorf("%w: empty name: 0 bytes given, at least 1 needed", ErrConfig)
	case c.Expiry < time.Millisecond:
		return fmt.Errorf("%w: expiry is %v, at least 1ms needed", ErrConfig, given)
	case !(c.DriftFactor >= 0 && c.DriftFactor < 1): // so that NaN fails too
		return fmt.Errorf("%w: drift factor is %v, at least 0 and below 1 needed", ErrConfig, c.DriftFactor)
	case !(c.TimeoutFactor > 0) || math.IsInf(c.TimeoutFactor, 1):
		return fmt.Errorf("%w: timeout factor is %v, a finite number above 0 needed", ErrConfig, c.TimeoutFactor)
	case c.Tries < 1 && !c.Unlimited:
		return fmt.Errorf("%w: tries is %d, at least 1 needed", ErrConfig, c.Tries)
	case c.owner != "" && c.GenValue != nil:
		return fmt.Errorf("%w: owner is %s, but a value function makes the whole value; one of the two needed", ErrConfig, quote(c.owner))
	case c.RetryDelay == nil:
		return fmt.Errorf("%w: retry delay function is nil, a function needed", ErrConfig)
	case c.lifetime() <= 0:
		return fmt.Errorf("%w: no validity left: expiry %v less a drift of %v is %v",
			ErrConfig, c.Expiry, c.drift(), c.lifetime())
	case c.bound() <= 0:
		return fmt.Errorf("%w: no time for a call: expiry %v by timeout factor %v is %v",
			ErrConfig, c.Expiry, c.TimeoutFactor, c.bound())
	}
	return nil
}

// drift is how far the clocks of two machines may part during one expiry,
// rounded up: too much costs a nanosecond, too little a promise.
func (c *Config) drift() time.Duration {
	return time.Duration(math.Ceil(float64(c.Expiry) * c.DriftFactor))
}

// lifetime is how long a lease is trusted: its expiry less the drift.
func (c *Config) lifetime() time.Duration { return c.Expiry - c.drift() }

// bound is the longest that anything waits for one node's reply.
func (c *Config) bound() time.Duration {
	bound := float64(c.Expiry) * c.TimeoutFactor
	if bound > float64(math.MaxInt64/2) {
		return math.MaxInt64 / 2
	}
	return time.Duration(bound)
}
