package redlock

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
)

func TestMisconfigurationIsReportedByEveryCallAndSendsNothing(t *testing.T) {
	ctx := context.Background()
	for text, change := range map[string]func(*Config){
		"expiry is 0s, at least 1ms needed":                            func(c *Config) { c.Expiry = 0 },
		"expiry is 999µs, at least 1ms needed":                         func(c *Config) { c.Expiry = 999 * time.Microsecond },
		"expiry is -1s, at least 1ms needed":                           func(c *Config) { c.Expiry = -time.Second },
		"drift factor is -0.1, at least 0 and below 1 needed":          func(c *Config) { c.DriftFactor = -0.1 },
		"drift factor is 1, at least 0 and below 1 needed":             func(c *Config) { c.DriftFactor = 1 },
		"drift factor is NaN, at least 0 and below 1 needed":           func(c *Config) { c.DriftFactor = math.NaN() },
		"timeout factor is 0, a finite number above 0 needed":          func(c *Config) { c.TimeoutFactor = 0 },
		"timeout factor is -1, a finite number above 0 needed":         func(c *Config) { c.TimeoutFactor = -1 },
		"timeout factor is NaN, a finite number above 0 needed":        func(c *Config) { c.TimeoutFactor = math.NaN() },
		"timeout factor is +Inf, a finite number above 0 needed":       func(c *Config) { c.TimeoutFactor = math.Inf(1) },
		"tries is 0, at least 1 needed":                                func(c *Config) { c.Tries = 0 },
		"retry delay is -1ns, at least 0s needed":                      func(c *Config) { c.SetRetryDelay(-1) },
		"retry delay function is nil, a function needed":               func(c *Config) { c.RetryDelay = nil },
		"value function is nil, a function needed":                     func(c *Config) { c.SetGenValue(nil) },
		"no validity left: expiry 1ms less a drift of 1ms is 0s":       func(c *Config) { c.Expiry, c.DriftFactor = time.Millisecond, 1-1e-16 },
		"no time for a call: expiry 1ms by timeout factor 1e-09 is 0s": func(c *Config) { c.Expiry, c.TimeoutFactor = time.Millisecond, 1e-9 },
	} {
		bubble(t, 3, func(b *bench) {
			x := b.object(change)
			_, unlock := x.Unlock(ctx)
			_, extend := x.Extend(ctx)
			_, valid := x.Valid(ctx)
			for _, err := range []error{x.Lock(ctx), x.TryLock(ctx), unlock, extend, valid} {
				require.ErrorIs(t, err, ErrConfig)
				require.NotErrorIs(t, err, ErrFailed)
				require.EqualError(t, err, `test: "name": bad configuration: `+text)
			}
			require.Empty(t, b.nodes[0].History())
		})
	}
}

func TestHugeValuesAreUsable(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		x := b.object(func(c *Config) { c.Expiry, c.TimeoutFactor = math.MaxInt64, math.MaxFloat64 })
		require.NoError(t, x.usableForTest())
		require.Positive(t, x.spec.bound)
	})
}

func (x *Exclusive) usableForTest() error { return x.spec.usable() }

type refusing struct{ *fakenode.Node }

func (refusing) Validate() error { return errors.New("spreads its keys") }

func TestPoolsThatCanNotBeUsed(t *testing.T) {
	var typedNil *fakenode.Node
	for text, pools := range map[string][]driver.Pool{
		"no pools: 0 given, at least 1 needed": nil,
		"pool #1 of 2 is nil":                  {fakenode.New(), nil},
		"pool #0 of 1 is nil":                  {typedNil},
		"pool #0 of 1: spreads its keys":       {refusing{fakenode.New()}},
	} {
		x := NewExclusive(New(pools...).NewSpec(testProtocol, "name", DefaultConfig()))
		err := x.Lock(context.Background())
		require.ErrorIs(t, err, ErrConfig)
		require.EqualError(t, err, `test: "name": bad configuration: `+text)
		require.Empty(t, x.Value())
		require.Zero(t, x.Until())
	}
	x := NewExclusive(New(fakenode.New()).NewSpec(testProtocol, "", DefaultConfig()))
	require.EqualError(t, x.Lock(context.Background()), `test: "": bad configuration: empty name: 0 bytes given, at least 1 needed`)
}

func TestErrorsAreFoundByPointerAndByValue(t *testing.T) {
	cause := errors.New("boom")
	err := error(&failure{kind: "test", name: "name", what: ErrFailed, causes: []error{
		&ErrTaken{Nodes: []int{1, 2}}, &ErrNodeTaken{Node: 3}, &RedisError{Node: 4, Err: cause},
	}})
	err = fmt.Errorf("wrapped: %w", err)

	var takenAt *ErrTaken
	var taken ErrTaken
	require.ErrorAs(t, err, &takenAt)
	require.ErrorAs(t, err, &taken)
	require.Equal(t, []int{1, 2}, takenAt.Nodes)
	require.Equal(t, *takenAt, taken)
	require.ErrorIs(t, err, &ErrTaken{Nodes: []int{1, 2}})
	require.ErrorIs(t, err, ErrTaken{Nodes: []int{1, 2}})
	require.NotErrorIs(t, err, ErrTaken{Nodes: []int{1}})

	var nodeAt *ErrNodeTaken
	var node ErrNodeTaken
	require.ErrorAs(t, err, &nodeAt)
	require.ErrorAs(t, err, &node)
	require.Equal(t, ErrNodeTaken{Node: 3}, node)
	require.ErrorIs(t, err, ErrNodeTaken{Node: 3})
	require.ErrorIs(t, err, &ErrNodeTaken{Node: 3})
	require.NotErrorIs(t, err, &ErrNodeTaken{Node: 1})
	require.NotErrorIs(t, err, (*ErrNodeTaken)(nil))

	var redisAt *RedisError
	var redis RedisError
	require.ErrorAs(t, err, &redisAt)
	require.ErrorAs(t, err, &redis)
	require.Equal(t, 4, redis.Node)
	require.ErrorIs(t, err, cause)
	require.ErrorIs(t, err, ErrFailed)
	require.EqualError(t, err, `wrapped: test: "name": failed to acquire lock: lock already taken, locked nodes: [1 2]; node #3: lock already taken; node #4: boom`)
}

func TestOddNamesStayReadable(t *testing.T) {
	require.Equal(t, `"a\x00b\xff"`, quote("a\x00b\xff"))
	require.Equal(t, `"`+strings.Repeat("x", 64)+`"… (4096 bytes)`, quote(strings.Repeat("x", 4096)))
}

func TestHooksWithoutAnyAreNone(t *testing.T) {
	var c Config
	c.SetHooks(&holdfast.Hooks{Lost: func(holdfast.Lock, error) {}})
	require.NotNil(t, c.Hooks)
	c.SetHooks(&holdfast.Hooks{})
	require.Nil(t, c.Hooks)
}
