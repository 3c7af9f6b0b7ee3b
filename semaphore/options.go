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

// DelayFunc tells how long to wait before the next try, given the number of
// tries made so far, from 1.
type DelayFunc func(tries int) time.Duration

// WithExpiry sets how long a permit lasts unless it is extended: the longest that
// a crashed holder keeps its slots. It is rounded down to whole milliseconds, and
// must be at least 1ms. The default is 8s.
func WithExpiry(expiry time.Duration) Option {
	return optionFunc(func(c *redlock.Config) { c.Expiry = expiry })
}

// WithTries sets how many tries Acquire makes, at least 1. Tries are metered by
// time: each elapsed retry delay is one, also while the goroutine waits in line
// for the same *Semaphore. The default is 32.
func WithTries(tries int) Option {
	return optionFunc(func(c *redlock.Config) { c.Tries = tries })
}

// WithUnlimitedTries makes Acquire wait until it has its permits or its context
// ends, whatever [WithTries] says. By default tries are limited.
func WithUnlimitedTries() Option {
	return optionFunc(func(c *redlock.Config) { c.Unlimited = true })
}

// WithRetryDelay sets the time between two tries, at least 0. The default is
// random for each try, from 50ms to 250ms.
// A waiter that will be told asks less often, and one with a delay of more than a second
// asks once a second to keep its place in line: see "Waiting" in package mutex.
func WithRetryDelay(delay time.Duration) Option {
	return optionFunc(func(c *redlock.Config) { c.SetRetryDelay(delay) })
}

// WithRetryDelayFunc sets a function that gives the time between two tries. It
// may be called from many goroutines. A result below 0 counts as 0. The default
// is random for each try, from 50ms to 250ms.
//
// While a goroutine waits in line for the same object, or for a release that will tell
// it, and there is a limit of tries, each delay is asked for as if it polled. With
// [WithUnlimitedTries] none is in line for the object, and one a look otherwise.
func WithRetryDelayFunc(delay DelayFunc) Option {
	return optionFunc(func(c *redlock.Config) { c.RetryDelay = delay })
}

// WithDriftFactor sets the part of the expiry that is not relied upon, because
// clocks of different machines do not run at the same rate: at least 0 and
// below 1. The default is 0.01.
func WithDriftFactor(factor float64) Option {
	return optionFunc(func(c *redlock.Config) { c.DriftFactor = factor })
}

// WithTimeoutFactor sets the part of the expiry that a call to one node may
// take, above 0. It holds whatever the client's own timeouts are. The default
// is 0.05, which is 400ms of the default expiry.
func WithTimeoutFactor(factor float64) Option {
	return optionFunc(func(c *redlock.Config) { c.TimeoutFactor = factor })
}

// WithGenValueFunc sets a function that makes the token of a permit, which must
// not be empty and should be unique. It is called for each try, and may be
// called from many goroutines; its error ends Acquire. The default is a UUID
// of version 7, and what [WithOwner] says.
//
// As such a value may not be unique, a token that a node knows already is refused
// there: a repeated request does not recognise its own first run.
func WithGenValueFunc(gen func() (string, error)) Option {
	return optionFunc(func(c *redlock.Config) { c.SetGenValue(gen) })
}

// WithOwner adds a text to the token of a permit, which is UUID@text then: anyone who looks at
// the key in Redis sees who has it. Give a host, a pod or a process, so that it can be
// found: the tokens of one owner differ by their UUIDs. The text has at most 256 bytes,
// is printable, and has no spaces. With [WithGenValueFunc], which makes the whole token,
// it is an [ErrConfig]. The default is "", which adds nothing.
func WithOwner(text string) Option {
	return optionFunc(func(c *redlock.Config) { c.SetOwner(text) })
}

// WithAutoExtend renews every permit from Acquire until Release, as if Extend were
// called: for the first time when a third of its validity is spent, and after a
// failure at once and then every 32nd part of the validity, for as long as any is left.
// A permit that is lost is not renewed any more; see [Permit.Lost]. By default permits
// are not renewed, but for those of [Semaphore.Do].
//
// It makes a short expiry possible for long work. The price is that a holder which
// hangs, but whose process lives, keeps the permit: so give the work a limit.
func WithAutoExtend() Option {
	return optionFunc(func(c *redlock.Config) { c.AutoExtend = true })
}

// WithShufflePools makes each call begin with a node drawn at random. Nodes keep
// their numbers in errors. The default is false: all are asked at once, in the
// order in which they were given.
func WithShufflePools(shuffle bool) Option {
	return optionFunc(func(c *redlock.Config) { c.ShufflePools = shuffle })
}

// WithHooks has hooks called for what happens to the semaphore: who waits, holds, renews and loses
// it, and which nodes fail. [holdfast.Hooks] says when each is called, and what it must not do;
// [holdfast.Lock] has the kind "semaphore". Hooks are copied: what is
// changed later counts for nothing. The default is nil, for none, which costs nothing. Of
// several options the last one counts: [holdfast.JoinHooks] makes one of many.
func WithHooks(hooks *holdfast.Hooks) Option {
	return optionFunc(func(c *redlock.Config) { c.SetHooks(hooks) })
}
