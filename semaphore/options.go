package semaphore

import (
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/redlock"
)

// Option configures one semaphore. Names and defaults are Redsync's.
type Option interface {
	apply(*redlock.Config)
}

type optionFunc func(*redlock.Config)

func (f optionFunc) apply(c *redlock.Config) { f(c) }

// DelayFunc returns how long to wait before the next try, given the number of tries made so
// far, from 1.
type DelayFunc func(tries int) time.Duration

// WithExpiry sets how long a permit lasts unless it is extended: the longest that a crashed
// holder keeps its slots. It is rounded down to whole milliseconds, and at least 1ms. The
// default is 8s.
func WithExpiry(expiry time.Duration) Option {
	return optionFunc(func(c *redlock.Config) { c.Expiry = expiry })
}

// WithTries sets how many tries Acquire makes, at least 1. Tries are counted by time: each
// elapsed retry delay is one, also while the goroutine waits for the same *Semaphore. The
// default is 32.
func WithTries(tries int) Option {
	return optionFunc(func(c *redlock.Config) { c.Tries = tries })
}

// WithUnlimitedTries makes Acquire wait until it has its permits or its context ends,
// whatever [WithTries] says. By default tries are limited.
func WithUnlimitedTries() Option {
	return optionFunc(func(c *redlock.Config) { c.Unlimited = true })
}

// WithRetryDelay sets the time between two tries, at least 0. The default is random for each
// try, from 50ms to 250ms.
//
// A waiter that will be notified asks the nodes less often. One with a delay of more than a
// second asks once a second, to keep its ticket: see "Waiting" in package mutex.
func WithRetryDelay(delay time.Duration) Option {
	return optionFunc(func(c *redlock.Config) { c.SetRetryDelay(delay) })
}

// WithRetryDelayFunc sets a function that returns the time between two tries. It may be
// called from many goroutines. A result below 0 counts as 0. The default is random for each
// try, from 50ms to 250ms.
//
// Where tries are limited, the function is called for each of them, as if the waiter polled.
// So it is also called while that waits for another goroutine, or for a release. With
// [WithUnlimitedTries] it is called once per request of a waiter, and not while that waits for
// another goroutine.
func WithRetryDelayFunc(delay DelayFunc) Option {
	return optionFunc(func(c *redlock.Config) { c.RetryDelay = delay })
}

// WithDriftFactor sets the part of the expiry that is not relied upon, at least 0 and below 1.
// It is there because clocks of different machines run at different rates. The default is
// 0.01.
func WithDriftFactor(factor float64) Option {
	return optionFunc(func(c *redlock.Config) { c.DriftFactor = factor })
}

// WithTimeoutFactor sets the part of the expiry that a call to one node may take, above 0.
// The client's own timeouts do not matter. The default is 0.05, which is 400ms of the default
// expiry.
func WithTimeoutFactor(factor float64) Option {
	return optionFunc(func(c *redlock.Config) { c.TimeoutFactor = factor })
}

// WithGenValueFunc sets a function that makes the token of a permit, which must not be empty
// and should be unique. It is called for each try, and may be called from many goroutines.
// Its error ends Acquire. The default is a UUID of version 7, and the text of [WithOwner].
//
// A token that a node knows already is refused there, as it may not be unique. So a request
// that runs twice does not recognise its own first run.
func WithGenValueFunc(gen func() (string, error)) Option {
	return optionFunc(func(c *redlock.Config) { c.SetGenValue(gen) })
}

// WithOwner adds a text to the token of a permit, which is UUID@text then, so that the key in
// Redis names the holder. Give a host, a pod or a process, so that it can be found: the
// tokens of one owner differ by their UUIDs.
//
// The text has at most 256 bytes, is printable, and has no spaces. With [WithGenValueFunc],
// which makes the whole token, it is an [ErrConfig]. The default is "", which adds nothing.
func WithOwner(text string) Option {
	return optionFunc(func(c *redlock.Config) { c.SetOwner(text) })
}

// WithAutoExtend renews every permit from Acquire until Release, as if Extend were called. By
// default only [Semaphore.Do] and [Semaphore.DoN] renew theirs. "Renewal and loss" in package
// mutex says when that is, and [Permit.Lost] when it ends.
//
// It makes a short expiry possible for long work. The price is that a holder which hangs, in
// a process that lives, keeps the permit: so give the work a limit.
func WithAutoExtend() Option {
	return optionFunc(func(c *redlock.Config) { c.AutoExtend = true })
}

// WithShufflePools makes each call begin with a node drawn at random. Nodes keep their
// numbers in errors. The default is false: all are asked at once, in the order in which they
// were given.
func WithShufflePools(shuffle bool) Option {
	return optionFunc(func(c *redlock.Config) { c.ShufflePools = shuffle })
}

// WithHooks calls hooks for what happens to the semaphore: who waits, holds, renews and loses
// it, and which nodes fail. [holdfast.Hooks] says when each is called, and what it must not
// do. [holdfast.Lock] has the kind "semaphore".
//
// Hooks are copied: a later change has no effect. Of several options the last one counts, and
// [holdfast.JoinHooks] makes one of many. The default is nil, for none, which costs nothing.
func WithHooks(hooks *holdfast.Hooks) Option {
	return optionFunc(func(c *redlock.Config) { c.SetHooks(hooks) })
}
