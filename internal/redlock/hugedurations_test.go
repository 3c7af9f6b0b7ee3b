package redlock

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

const longest = time.Duration(math.MaxInt64)

// hugeDurations are options whose sums and multiples do not fit into a duration.
func hugeDurations() map[string]func(*Config) {
	return map[string]func(*Config){
		"a delay of 150 years":        func(c *Config) { c.SetRetryDelay(150 * 365 * 24 * time.Hour) },
		"the longest delay":           func(c *Config) { c.SetRetryDelay(longest) },
		"a delay below zero":          func(c *Config) { c.RetryDelay = alternating(200*ms, math.MinInt64) },
		"a function that jumps":       func(c *Config) { c.RetryDelay = alternating(200*ms, longest) },
		"a huge timeout factor":       func(c *Config) { c.TimeoutFactor = 1e9 },
		"the largest timeout factor":  func(c *Config) { c.TimeoutFactor = math.MaxFloat64 },
		"the longest expiry":          func(c *Config) { c.Expiry, c.TimeoutFactor = longest, 0.5 },
		"the longest of all":          func(c *Config) { c.Expiry, c.TimeoutFactor = longest, 1; c.SetRetryDelay(longest) },
		"the longest expiry, renewed": func(c *Config) { c.Expiry, c.TimeoutFactor, c.AutoExtend = longest, 0.5, true },
	}
}

func alternating(delays ...time.Duration) func(int) time.Duration {
	return func(tries int) time.Duration { return delays[tries%len(delays)] }
}

// anyLock is a lock object of whichever kind.
type anyLock struct {
	lock   func(context.Context) error
	unlock func(context.Context) (bool, error)
}

var lockKinds = map[string]func(e *Engine, name string, c Config) anyLock{
	"mutex": func(e *Engine, name string, c Config) anyLock {
		x := NewExclusive(e.NewSpec(testProtocol, name, c))
		return anyLock{x.Lock, x.Unlock}
	},
	"writer": func(e *Engine, name string, c Config) anyLock {
		x := NewRW(e, writeProtocol, readProtocol, name, c).Writer
		return anyLock{x.Lock, x.Unlock}
	},
	"reader": func(e *Engine, name string, c Config) anyLock {
		x := NewRW(e, writeProtocol, readProtocol, name, c).Reader
		return anyLock{x.Lock, x.Unlock}
	},
	"permit": func(e *Engine, name string, c Config) anyLock {
		x, p := NewSlots(e.NewSpec(slotsProtocol, name, c), 1), (*Permit)(nil)
		lock := func(ctx context.Context) (err error) { p, err = x.Acquire(ctx, 1); return err }
		return anyLock{lock, func(ctx context.Context) (bool, error) { return p.Release(ctx) }}
	},
}

// inTheWay is what keeps a kind's waiters waiting.
var inTheWay = map[string]string{"mutex": "mutex", "writer": "reader", "reader": "writer", "permit": "permit"}

// huge is a configuration that waits without limit.
func huge(change func(*Config)) Config {
	c := DefaultConfig()
	c.Unlimited = true
	change(&c)
	return c
}

// forHuge runs a test for every kind of lock and every huge duration.
func forHuge(t *testing.T, test func(t *testing.T, kind string, c Config)) {
	for kind := range lockKinds {
		for name, change := range hugeDurations() {
			t.Run(kind+"/"+name, func(t *testing.T) { test(t, kind, huge(change)) })
		}
	}
}

// Whatever durations were given, a waiter waits and does not spin, and gets what is
// free, also where it is not notified.
func TestWaitersWithHugeDurations(t *testing.T) {
	forHuge(t, func(t *testing.T, kind string, c Config) {
		for _, mute := range []bool{false, true} {
			bubble(t, 3, func(b *bench) { b.waitsSoundly(kind, c, mute) })
		}
	})
}

// maxAsked is how many requests a waiter may send to a node within a minute: some for
// each delay of 200ms.
const maxAsked = 1000

func (b *bench) waitsSoundly(kind string, c Config, mute bool) {
	for _, n := range b.nodes {
		n.NoSubscriptions = mute
		n.Before = always(ms / 2)
	}
	holds := DefaultConfig()
	holds.Expiry = 24 * time.Hour
	holder, waiter := lockKinds[inTheWay[kind]](b.engine, "name", holds), lockKinds[kind](b.elsewhere().engine, "name", c)
	require.NoError(b, holder.lock(background))
	got := begins(background, waiter.lock)
	time.Sleep(20 * ms)
	asked := len(b.nodes[0].History())
	time.Sleep(time.Minute)
	require.Less(b, len(b.nodes[0].History())-asked, maxAsked)
	_, err := holder.unlock(background)
	require.NoError(b, err)
	start := time.Now()
	require.NoError(b, <-got)
	require.LessOrEqual(b, time.Since(start), lookEvery+time.Second)
	_, err = waiter.unlock(background)
	require.NoError(b, err)
}

// longestLife is more than the ticket of a waiter may last, and than the holder's expiry.
const longestLife = 9 * time.Second

// What a waiter leaves on a server ends soon by itself, should the waiter be killed.
func TestPlacesOfWaitersWithHugeDurationsEnd(t *testing.T) {
	node := redistest.StartOne(t)
	forHuge(t, func(t *testing.T, kind string, c Config) {
		t.Parallel() // as it mostly waits
		name := redistest.Name(t)
		renewed := DefaultConfig() // a loaded machine takes longer than its expiry
		renewed.AutoExtend = true
		holder := lockKinds[inTheWay[kind]](New(poolOf(t, node)), name, renewed)
		require.NoError(t, holder.lock(background))
		answers := &answering{Pool: poolOf(t, node), answered: make(chan struct{}, 100)}
		ctx, cancel := context.WithCancel(background)
		got := make(chan error, 1)
		go func() { got <- lockKinds[kind](New(answers), name, c).lock(ctx) }()
		<-answers.answered
		<-answers.answered // the second try comes soon, and knows the delay
		for _, key := range keysOf(t, node, name) {
			left := node.Do(t, "PTTL", key)
			require.Positive(t, left, key)
			require.Less(t, left, longestLife.Milliseconds(), key)
		}
		cancel()
		require.Error(t, <-got)
		_, err := holder.unlock(background)
		require.NoError(t, err)
	})
}

// answering is a pool that signals each answer.
type answering struct {
	driver.Pool
	answered chan struct{}
}

func (a *answering) Eval(ctx context.Context, call *driver.Call) (any, error) {
	defer func() { a.answered <- struct{}{} }()
	return a.Pool.Eval(ctx, call)
}

func keysOf(t *testing.T, node *redistest.Node, name string) (keys []string) {
	for _, key := range node.Do(t, "KEYS", "*").([]any) {
		if text := fmt.Sprintf("%s", key); strings.HasPrefix(text, name) {
			keys = append(keys, text)
		}
	}
	require.NotEmpty(t, keys)
	return keys
}
