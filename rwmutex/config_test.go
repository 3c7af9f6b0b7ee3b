package rwmutex_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	redigoclient "github.com/gomodule/redigo/redis"
	goredisclient "github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/scripts"
)

// requireConfigError checks that every call on rw reports ErrConfig, with all of
// the texts.
func requireConfigError(t *testing.T, rw *rwmutex.RWMutex, texts ...string) {
	t.Helper()
	errs := []error{rw.Lock(), rw.TryLock(), rw.RLock(), rw.TryRLock(), rw.Downgrade(context.Background())}
	for _, call := range []func() (bool, error){rw.Unlock, rw.Extend, rw.Valid, rw.RUnlock, rw.RExtend} {
		errs = append(errs, requireNo(t, call))
	}
	for _, err := range errs {
		require.ErrorIs(t, err, rwmutex.ErrConfig)
		for _, text := range append(texts, "rwmutex: ") {
			assert.ErrorContains(t, err, text)
		}
	}
	assert.PanicsWithError(t, rw.Lock().Error(), rw.Locker().Lock)
	assert.PanicsWithError(t, rw.RLock().Error(), rw.RLocker().Lock)
}

// Each bad option with what was given and what is needed.
var badOptions = []struct {
	name   string
	option rwmutex.Option
	given  string
	needed string
}{
	{"no expiry", rwmutex.WithExpiry(0), "0s", "1ms"},
	{"negative expiry", rwmutex.WithExpiry(-time.Second), "-1s", "1ms"},
	{"expiry under a millisecond", rwmutex.WithExpiry(999 * time.Microsecond), "expiry is 999µs", "1ms"},
	{"negative drift factor", rwmutex.WithDriftFactor(-0.5), "-0.5", "0"},
	{"drift factor NaN", rwmutex.WithDriftFactor(math.NaN()), "NaN", "0"},
	{"drift factor 1", rwmutex.WithDriftFactor(1), "is 1", "below 1"},
	{"drift factor infinite", rwmutex.WithDriftFactor(math.Inf(1)), "+Inf", "below 1"},
	{"negative timeout factor", rwmutex.WithTimeoutFactor(-0.5), "-0.5", "above 0"},
	{"timeout factor 0", rwmutex.WithTimeoutFactor(0), "is 0", "above 0"},
	{"timeout factor NaN", rwmutex.WithTimeoutFactor(math.NaN()), "NaN", "above 0"},
	{"timeout factor infinite", rwmutex.WithTimeoutFactor(math.Inf(1)), "+Inf", "finite"},
	{"no tries", rwmutex.WithTries(0), "is 0", "at least 1"},
	{"negative tries", rwmutex.WithTries(-7), "-7", "at least 1"},
	{"negative retry delay", rwmutex.WithRetryDelay(-time.Second), "-1s", "0s"},
	{"no retry delay function", rwmutex.WithRetryDelayFunc(nil), "nil", "function"},
	{"no value function", rwmutex.WithGenValueFunc(nil), "nil", "function"},
	{"no validity after drift", rwmutex.WithDriftFactor(math.Nextafter(1, 0)), "expiry 1ms", "drift of 1ms"},
	{"no time for a call", rwmutex.WithTimeoutFactor(1e-9), "expiry 1ms", "1e-09"},
}

func TestBadOptions(t *testing.T) {
	for _, c := range badOptions {
		t.Run(c.name, func(t *testing.T) {
			s := &spy{Pool: stub(granting)}
			shortest := rwmutex.WithExpiry(time.Millisecond) // for those that compare with it
			rw := rwmutex.New(s).NewRWMutex("the name", shortest, c.option)
			requireConfigError(t, rw, c.given, c.needed, `"the name"`)
			assert.Empty(t, s.sent(), "nothing is sent to Redis")
		})
	}
}

// The bounds themselves are good.
func TestOptionsAtTheirBounds(t *testing.T) {
	for name, options := range map[string][]rwmutex.Option{
		"least expiry":     {rwmutex.WithExpiry(time.Millisecond), rwmutex.WithTimeoutFactor(1e6)},
		"greatest expiry":  {rwmutex.WithExpiry(math.MaxInt64)},
		"no drift":         {rwmutex.WithDriftFactor(0)},
		"nearly all drift": {rwmutex.WithDriftFactor(0.99)},
		"one try":          {rwmutex.WithTries(1)},
		"no delay":         {rwmutex.WithRetryDelay(0)},
		"unlimited":        {rwmutex.WithUnlimitedTries(), rwmutex.WithTries(0)},
	} {
		t.Run(name, func(t *testing.T) {
			rw := rwmutex.New(stub(granting)).NewRWMutex("name", options...)
			require.NotErrorIs(t, rw.TryLock(), rwmutex.ErrConfig)
			_, err := rw.Unlock()
			require.NotErrorIs(t, err, rwmutex.ErrConfig)
			require.NotErrorIs(t, rw.TryRLock(), rwmutex.ErrConfig)
			_, err = rw.RUnlock()
			require.NotErrorIs(t, err, rwmutex.ErrConfig)
		})
	}
}

func TestADelayBelowZeroIsNone(t *testing.T) {
	s := &spy{Pool: stub(refusing)}
	past := rwmutex.WithRetryDelayFunc(func(int) time.Duration { return -time.Hour })
	rw := rwmutex.New(s).NewRWMutex("name", past, rwmutex.WithTries(3))
	require.ErrorIs(t, rw.RLock(), rwmutex.ErrFailed)
	assert.Equal(t, 3, s.count(scripts.RWMutex().ReadAcquire))
	require.ErrorIs(t, rw.Lock(), rwmutex.ErrFailed)
	assert.Equal(t, 3, s.count(scripts.RWMutex().WriteAcquire))
	settle(t)
}

func TestTheLongestExpiryOnServers(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rw := w.rwmutex(rwmutex.WithExpiry(math.MaxInt64))
		require.NoError(t, rw.Lock())
		assert.True(t, rw.Until().After(time.Now().Add(100*365*24*time.Hour)))
		requireYes(t, rw.Extend)
		require.NoError(t, rw.Downgrade(context.Background()))
		assert.True(t, rw.RUntil().After(time.Now().Add(100*365*24*time.Hour)))
		requireYes(t, rw.RExtend)
		requireYes(t, rw.RUnlock)
		w.requireSettled()
	})
}

func TestDefaults(t *testing.T) {
	s := &spy{Pool: stub(granting)}
	rw := rwmutex.New(s).NewRWMutex("name", nil, rwmutex.WithExpiry(time.Hour), rwmutex.WithExpiry(8*time.Second), nil)
	for _, rw := range []*rwmutex.RWMutex{rw, rwmutex.New(s).NewRWMutex("name")} {
		before := time.Now()
		require.NoError(t, rw.Lock())
		requireUntil(t, rw.Until(), before, time.Now(), 8*time.Second-80*time.Millisecond)
		assert.Regexp(t, "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", rw.Value(), "a UUID")
		requireYes(t, rw.Unlock)
		before = time.Now()
		require.NoError(t, rw.RLock())
		requireUntil(t, rw.RUntil(), before, time.Now(), 8*time.Second-80*time.Millisecond)
		requireYes(t, rw.RUnlock)
	}
}

// A value of the user's own may not be unique: it is set where nothing is.
func TestValuesOfTheUsersOwn(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		same := rwmutex.WithGenValueFunc(func() (string, error) { return "same", nil })
		rw, other := w.rwmutex(same), w.rwmutex(same)
		for _, half := range []struct {
			lock, try func() error
			unlock    func() (bool, error)
		}{
			{rw.Lock, other.TryLock, rw.Unlock},
			{rw.RLock, other.TryRLock, rw.RUnlock},
		} {
			require.NoError(t, half.lock())
			settle(t)
			require.ErrorIs(t, half.try(), rwmutex.ErrFailed)
			requireYes(t, half.unlock)
			w.requireSettled()
		}
		assert.Equal(t, "same", rw.Value())
	})
}

func TestAValueFunctionThatFails(t *testing.T) {
	s := &spy{Pool: stub(granting)}
	reason := errors.New("no values today")
	rw := rwmutex.New(s).NewRWMutex("name", rwmutex.WithGenValueFunc(func() (string, error) { return "unused", reason }))
	empty := rwmutex.New(s).NewRWMutex("name", rwmutex.WithGenValueFunc(func() (string, error) { return "", nil }))
	for range 2 { // the place was given back
		for _, err := range []error{rw.Lock(), rw.RLock()} {
			require.ErrorIs(t, err, rwmutex.ErrFailed)
			require.ErrorIs(t, err, reason)
		}
		require.ErrorIs(t, empty.Lock(), rwmutex.ErrConfig)
		require.ErrorIs(t, empty.RLock(), rwmutex.ErrConfig)
	}
	assert.Empty(t, s.sent())
}

func TestShuffledPoolsKeepTheirNumbers(t *testing.T) {
	broken := errors.New("broken")
	breaking := stub(func(*driver.Call) (any, error) { return nil, broken })
	f := rwmutex.New(stub(granting), stub(granting), breaking, breaking, stub(refusing))
	rw := f.NewRWMutex("name", rwmutex.WithShufflePools(true))
	for range 20 {
		for _, err := range []error{rw.TryLock(), rw.TryRLock()} {
			require.ErrorIs(t, err, rwmutex.ErrNodeTaken{Node: 4})
			require.ErrorIs(t, err, broken)
			require.ErrorContains(t, err, "node #2: broken")
			require.ErrorContains(t, err, "node #3: broken")
		}
	}
}

// Errors are asked for by pointer and by value.
func TestErrorsByPointerAndByValue(t *testing.T) {
	broken := stub(func(*driver.Call) (any, error) { return nil, errors.New("broken") })
	alone := rwmutex.New(stub(refusing)).NewRWMutex("name")
	three := rwmutex.New(stub(granting), broken, stub(refusing)).NewRWMutex("name")
	for _, err := range []error{alone.TryLock(), alone.TryRLock()} {
		byPointer, _ := find[*rwmutex.ErrTaken](err)
		byValue, _ := find[rwmutex.ErrTaken](err)
		require.NotNil(t, byPointer)
		assert.Equal(t, []int{0}, byPointer.Nodes)
		assert.Equal(t, []int{0}, byValue.Nodes)
		assert.ErrorIs(t, err, rwmutex.ErrTaken{Nodes: []int{0}})
		assert.ErrorIs(t, err, &rwmutex.ErrTaken{Nodes: []int{0}})
	}
	for _, err := range []error{three.TryLock(), three.TryRLock()} {
		byPointer, _ := find[*rwmutex.ErrNodeTaken](err)
		require.NotNil(t, byPointer, "%v", err)
		byValue, _ := find[rwmutex.ErrNodeTaken](err)
		assert.Equal(t, 2, byPointer.Node)
		assert.Equal(t, 2, byValue.Node)
		assert.ErrorIs(t, err, &rwmutex.ErrNodeTaken{Node: 2})
		assert.False(t, isA[*rwmutex.ErrTaken](err), "one of three is no majority")
		requireNodeErrors(t, err, 1)
		redisError, _ := find[rwmutex.RedisError](err)
		assert.Equal(t, 1, redisError.Node)
		assert.EqualError(t, redisError.Err, "broken")
	}
}

func TestEmptyName(t *testing.T) {
	s := &spy{Pool: stub(granting)}
	requireConfigError(t, rwmutex.New(s).NewRWMutex(""), "empty name", "0 bytes", "at least 1")
	requireConfigError(t, rwmutex.New(s).NewRWMutex("", rwmutex.WithValue("adopted")), "empty name")
	assert.Empty(t, s.sent())
}

// invalid is a pool that knows that it cannot vote.
type invalid struct {
	driver.Pool
	err error
}

func (i invalid) Validate() error { return i.err }

func TestBadPools(t *testing.T) {
	good := &spy{Pool: stub(granting)}
	ring := goredisclient.NewRing(&goredisclient.RingOptions{Addrs: map[string]string{"a": "localhost:1"}})
	defer ring.Close()
	odd := errors.New("an odd pool")
	for _, c := range []struct {
		name  string
		pools []driver.Pool
		texts []string
	}{
		{"none", nil, []string{"no pools", "0 given", "at least 1"}},
		{"nil", []driver.Pool{nil}, []string{"pool #0 of 1", "nil"}},
		{"nil pointer", []driver.Pool{good, (*spy)(nil)}, []string{"pool #1 of 2", "nil"}},
		{"its own complaint", []driver.Pool{good, invalid{good, odd}}, []string{"pool #1 of 2", "an odd pool"}},
		{"goredis, nil", []driver.Pool{goredis.NewPool(nil)}, []string{"pool #0 of 1", "nil client"}},
		{"goredis, ring", []driver.Pool{good, good, goredis.NewPool(ring)}, []string{"pool #2 of 3", "Ring"}},
		{"redigo, no dial", []driver.Pool{redigo.NewPool(&redigoclient.Pool{})}, []string{"pool #0 of 1", "Dial"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			requireConfigError(t, rwmutex.New(c.pools...).NewRWMutex("name"), c.texts...)
		})
	}
	assert.Empty(t, good.sent())
	assert.ErrorIs(t, rwmutex.New(invalid{good, odd}).NewRWMutex("name").RLock(), odd, "the pool's own error can be found")
}
