package mutex_test

import (
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
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/scripts"
)

// requireConfigError checks that every call on m reports ErrConfig, with all of
// the texts.
func requireConfigError(t *testing.T, m *mutex.Mutex, texts ...string) {
	t.Helper()
	_, unlock := m.Unlock()
	_, extend := m.Extend()
	_, valid := m.Valid()
	for _, err := range []error{m.Lock(), m.TryLock(), unlock, extend, valid} {
		require.ErrorIs(t, err, mutex.ErrConfig)
		for _, text := range append(texts, "mutex: ") {
			assert.ErrorContains(t, err, text)
		}
	}
	assert.PanicsWithError(t, m.Lock().Error(), m.Locker().Lock)
}

// Each bad option with what was given and what is needed.
var badOptions = []struct {
	name   string
	option mutex.Option
	given  string
	needed string
}{
	{"no expiry", mutex.WithExpiry(0), "0s", "1ms"},
	{"negative expiry", mutex.WithExpiry(-time.Second), "-1s", "1ms"},
	{"expiry under a millisecond", mutex.WithExpiry(999 * time.Microsecond), "expiry is 999µs", "1ms"},
	{"negative drift factor", mutex.WithDriftFactor(-0.5), "-0.5", "0"},
	{"drift factor NaN", mutex.WithDriftFactor(math.NaN()), "NaN", "0"},
	{"drift factor 1", mutex.WithDriftFactor(1), "is 1", "below 1"},
	{"drift factor infinite", mutex.WithDriftFactor(math.Inf(1)), "+Inf", "below 1"},
	{"negative timeout factor", mutex.WithTimeoutFactor(-0.5), "-0.5", "above 0"},
	{"timeout factor 0", mutex.WithTimeoutFactor(0), "is 0", "above 0"},
	{"timeout factor NaN", mutex.WithTimeoutFactor(math.NaN()), "NaN", "above 0"},
	{"timeout factor infinite", mutex.WithTimeoutFactor(math.Inf(1)), "+Inf", "finite"},
	{"no tries", mutex.WithTries(0), "is 0", "at least 1"},
	{"negative tries", mutex.WithTries(-7), "-7", "at least 1"},
	{"negative retry delay", mutex.WithRetryDelay(-time.Second), "-1s", "0s"},
	{"no retry delay function", mutex.WithRetryDelayFunc(nil), "nil", "function"},
	{"no value function", mutex.WithGenValueFunc(nil), "nil", "function"},
	{"no validity after drift", mutex.WithDriftFactor(math.Nextafter(1, 0)), "expiry 1ms", "drift of 1ms"},
	{"no time for a call", mutex.WithTimeoutFactor(1e-9), "expiry 1ms", "1e-09"},
}

func TestBadOptions(t *testing.T) {
	for _, c := range badOptions {
		t.Run(c.name, func(t *testing.T) {
			s := &spy{Pool: stub(granting)}
			shortest := mutex.WithExpiry(time.Millisecond) // for those that compare with it
			m := mutex.New(s).NewMutex("the name", shortest, c.option)
			requireConfigError(t, m, c.given, c.needed, `"the name"`)
			assert.Empty(t, s.sent(), "nothing is sent to Redis")
		})
	}
}

// The bounds themselves are good.
func TestOptionsAtTheirBounds(t *testing.T) {
	for name, options := range map[string][]mutex.Option{
		"least expiry":     {mutex.WithExpiry(time.Millisecond), mutex.WithTimeoutFactor(1e6)},
		"greatest expiry":  {mutex.WithExpiry(math.MaxInt64)},
		"no drift":         {mutex.WithDriftFactor(0)},
		"nearly all drift": {mutex.WithDriftFactor(0.99)},
		"one try":          {mutex.WithTries(1)},
		"no delay":         {mutex.WithRetryDelay(0)},
		"unlimited":        {mutex.WithUnlimitedTries(), mutex.WithTries(0)},
	} {
		t.Run(name, func(t *testing.T) {
			m := mutex.New(stub(granting)).NewMutex("name", options...)
			require.NotErrorIs(t, m.Lock(), mutex.ErrConfig)
			_, err := m.Unlock()
			require.NotErrorIs(t, err, mutex.ErrConfig)
		})
	}
}

func TestADelayBelowZeroIsNone(t *testing.T) {
	s := &spy{Pool: stub(func(*driver.Call) (any, error) { return int64(0), nil })}
	past := mutex.WithRetryDelayFunc(func(int) time.Duration { return -time.Hour })
	require.ErrorIs(t, mutex.New(s).NewMutex("name", past, mutex.WithTries(3)).Lock(), mutex.ErrFailed)
	assert.Equal(t, 3, s.count(scripts.Mutex().Acquire))
}

func TestTheLongestExpiryOnServers(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		m := w.mutex(mutex.WithExpiry(math.MaxInt64))
		require.NoError(t, m.Lock())
		assert.True(t, m.Until().After(time.Now().Add(100*365*24*time.Hour)))
		requireYes(t, m.Valid)
		requireYes(t, m.Extend)
		requireYes(t, m.Unlock)
		w.awaitFree()
	})
}

func TestEmptyName(t *testing.T) {
	s := &spy{Pool: stub(granting)}
	requireConfigError(t, mutex.New(s).NewMutex(""), "empty name", "0 bytes", "at least 1")
	requireConfigError(t, mutex.New(s).NewMutex("", mutex.WithValue("adopted")), "empty name")
	assert.Empty(t, s.sent())
}

func TestNilOptionsAreNone(t *testing.T) {
	m := mutex.New(stub(granting)).NewMutex("name", nil, mutex.WithExpiry(time.Hour), nil)
	require.NoError(t, m.Lock())
	assert.True(t, m.Until().After(time.Now().Add(time.Minute)), "the options beside them count")
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
		{"nil among others", []driver.Pool{good, good, nil}, []string{"pool #2 of 3", "nil"}},
		{"nil pointer", []driver.Pool{good, (*spy)(nil)}, []string{"pool #1 of 2", "nil"}},
		{"nil function", []driver.Pool{stub(nil)}, []string{"pool #0 of 1", "nil"}},
		{"its own complaint", []driver.Pool{good, invalid{good, odd}}, []string{"pool #1 of 2", "an odd pool"}},
		{"goredis, nil", []driver.Pool{goredis.NewPool(nil)}, []string{"pool #0 of 1", "nil client"}},
		{"goredis, nil pointer", []driver.Pool{goredis.NewPool((*goredisclient.Client)(nil))}, []string{"nil client"}},
		{"goredis, ring", []driver.Pool{good, good, goredis.NewPool(ring)}, []string{"pool #2 of 3", "Ring"}},
		{"redigo, nil", []driver.Pool{redigo.NewPool(nil)}, []string{"pool #0 of 1", "nil pool"}},
		{"redigo, no dial", []driver.Pool{redigo.NewPool(&redigoclient.Pool{})}, []string{"pool #0 of 1", "Dial"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			requireConfigError(t, mutex.New(c.pools...).NewMutex("name"), c.texts...)
			requireConfigError(t, mutex.New(c.pools...).NewMutex("name", mutex.WithValue("adopted")), c.texts...)
		})
	}
	assert.Empty(t, good.sent())
	err := mutex.New(invalid{good, odd}).NewMutex("name").Lock()
	assert.ErrorIs(t, err, odd, "the pool's own error can be found")
}
