package redlock

import (
	"context"
	"errors"
	"fmt"
	"math"
	"regexp"
	"testing"
	"time"

	redigoclient "github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// go test runs the seeds of each target; go test -fuzz FuzzX looks for more.

// replier answers every call with the same.
type replier struct {
	reply any
	err   error
}

func (r replier) Eval(context.Context, *driver.Call) (any, error) { return r.reply, r.err }

// Options make an ErrConfig, or an object that works.
func FuzzConfig(f *testing.F) {
	f.Add("name", int64(8*time.Second), 32, int64(100*ms), 0.01, 0.05, "", false)
	f.Add("", int64(0), 0, int64(-1), -1.0, 0.0, "v", true)
	f.Add("n", int64(math.MaxInt64), math.MaxInt, int64(math.MaxInt64), math.NaN(), math.Inf(1), "v", false)
	f.Add("n", int64(time.Millisecond), 1, int64(0), 0.999, 1e-300, "", false)
	f.Add("n", int64(math.MinInt64), 1, int64(0), 0.5, 1e300, "", false)
	f.Add("n", int64(math.MaxInt64), 1, int64(1), 0.99999999999999, 1.0, "", false)
	f.Add("n", int64(8*time.Second), 1, int64(150*365*24*time.Hour), 0.01, 1e9, "", false)
	f.Add("n", int64(math.MaxInt64), 1, int64(math.MaxInt64/2), 0.01, 0.5, "", false)
	f.Fuzz(func(t *testing.T, name string, expiry int64, tries int, delay int64, drift, timeout float64, value string, setNX bool) {
		c := DefaultConfig()
		c.Expiry, c.Tries, c.DriftFactor, c.TimeoutFactor = time.Duration(expiry), tries, drift, timeout
		c.Value, c.SetNXOnExtend = value, setNX
		c.SetRetryDelay(time.Duration(delay))
		spec := New(replier{reply: int64(1)}).NewSpec(testProtocol, name, c)
		x := NewExclusive(spec)
		if spec.usable() == nil {
			requireSoundTicket(t, x)
		}
		before := time.Now()
		err := x.TryLock(context.Background())
		if spec.usable() != nil {
			require.ErrorIs(t, err, ErrConfig)
			_, err = x.Unlock(context.Background())
			require.ErrorIs(t, err, ErrConfig)
			return
		}
		if err != nil { // what is left of the expiry is so short that it is over by now
			require.ErrorIs(t, err, ErrFailed)
			require.Less(t, spec.lifetime(), time.Minute)
			return
		}
		require.True(t, x.Until().After(before))
		require.False(t, x.Until().After(time.Now().Add(c.Expiry)))
		_, _ = x.Unlock(context.Background())
	})
}

// requireSoundTicket checks that a waiter's ticket lasts until its next look, and ends soon.
func requireSoundTicket(t *testing.T, x *Exclusive) {
	p := x.spec.triesOf(0)
	defer p.Stop()
	m := x.attempts.begin(p, "").forTry(p)
	_, lifetime := m.words()
	require.Less(t, lifetime, longestLife.Milliseconds())
	require.Greater(t, lifetime, m.pauseLeft().Milliseconds())
	require.Positive(t, m.pauseLeft())
}

// anyReply makes a reply of any shape.
func anyReply(shape byte, n int64, text string) (any, error) {
	switch shape % 14 {
	case 0:
		return n, nil
	case 1:
		return text, nil
	case 2:
		return nil, nil
	case 3:
		return []any{}, nil
	case 4:
		return []any{text}, nil
	case 5:
		return []any{text, text}, nil
	case 6:
		return []any{n, nil, []any{text, n}, text}, nil
	case 7:
		return float64(n), nil
	case 8:
		return []byte(text), nil
	case 9:
		return map[any]any{text: n}, nil
	case 10:
		return int(n), nil
	case 11:
		return nil, &driver.ReplyError{Err: errors.New(text)}
	case 12:
		return n == 1, nil
	default:
		return nil, errors.New(text)
	}
}

// saysYes is what a script can have said to mean yes, and nothing else is.
func saysYes(slots bool, reply any, err error) bool {
	if err != nil {
		return false
	}
	if text, ok := reply.(string); ok && slots {
		g, _, ok := parseGrant(text)
		return ok && g.slots != ""
	}
	return !slots && (reply == int64(1) || reply == int64(2))
}

// Whatever servers answer, nothing panics, and nothing is held that a majority did not
// grant.
func FuzzReplies(f *testing.F) {
	for shape := range byte(14) {
		f.Add(shape, int64(1), "0", byte(0), int64(1), "1")
		f.Add(shape, int64(0), "", shape, int64(0), "")
		f.Add(shape, int64(2), "OK", byte(1), int64(-1), "0 1-3 ")
	}
	f.Add(byte(0), int64(minFence), "", byte(0), int64(1), "") // a number of a lease, of a lock that has none
	f.Add(byte(1), int64(0), "0-9999", byte(1), int64(0), "0-9999 , -")
	f.Add(byte(1), int64(0), "1-0 5 6", byte(1), int64(0), "99999999999999999999")
	f.Fuzz(func(t *testing.T, shape byte, n int64, text string, shape2 byte, n2 int64, text2 string) {
		if len(text)+len(text2) > 1000 {
			t.Skip("long texts take long, and say no more")
		}
		if manySlots.MatchString(text) || manySlots.MatchString(text2) {
			t.Skip("so do a million slots: Go ends an input after ten seconds, beside fifteen others")
		}
		tryReplies(t, shape, n, text, shape2, n2, text2)
	})
}

// A million slots are too many for an input of go test -fuzz: see above.
func TestRepliesOfAMillionSlots(t *testing.T) {
	tryReplies(t, 1, 0, "0-999999", 1, 0, "0-999999 , -")
}

// tryReplies has every kind of lock meet two nodes that answer one thing, and a third that
// answers another.
func tryReplies(t *testing.T, shape byte, n int64, text string, shape2 byte, n2 int64, text2 string) {
	pools := make([]driver.Pool, 3)
	yes := map[bool]int{}
	for i := range pools {
		var r replier
		if i < 2 {
			r.reply, r.err = anyReply(shape, n, text)
		} else {
			r.reply, r.err = anyReply(shape2, n2, text2)
		}
		pools[i] = r
		for _, slots := range []bool{false, true} {
			if saysYes(slots, r.reply, r.err) {
				yes[slots]++
			}
		}
	}
	e := New(pools...)
	c := DefaultConfig()
	c.Tries = 1
	x := NewExclusive(e.NewSpec(testProtocol, "name", c))
	requireOnlyWith(t, yes[false] >= 2, x.TryLock(background))
	_, _ = x.Extend(background)
	_, _ = x.Valid(background)
	_, _ = x.Unlock(background)
	rw := NewRW(e, writeProtocol, readProtocol, "name", c)
	requireOnlyWith(t, yes[false] >= 2, rw.Reader.TryLock(background))
	_, _ = rw.Reader.Unlock(background)
	s := NewSlots(e.NewSpec(slotsProtocol, "name", c), 5)
	p, err := s.TryAcquire(background, 1)
	requireOnlyWith(t, yes[true] >= 2, err)
	if p != nil {
		_ = p.Slots()
		_, _ = p.Extend(background)
		_, _ = p.Release(background)
	}
	_, _ = s.Held(background, scripts.Semaphore().Held)
}

// manySlots is what may be a range of very many.
var manySlots = regexp.MustCompile(`\d-\d{6}`)

func requireOnlyWith(t *testing.T, majority bool, err error) {
	t.Helper()
	if !majority {
		require.Error(t, err, "no majority has said yes")
		require.ErrorIs(t, err, ErrFailed)
	}
}

// Names and tokens of any bytes, on a server: the scripts answer with a vote,
// take no token for another one, and give every key an expiry.
func FuzzScriptArguments(f *testing.F) {
	node := redistest.StartOne(f)
	pool := poolOf(f, node)
	for i, name := range []string{"plain", "a{}b", "{", "}", "\x00", "\xff\xfe", "a b", "a\r\nb", "%s%d", "名前", "'\"--", "1.7e+15", "{a}b"} {
		f.Add(name, "token", "other", int64(1000*i+1))
		f.Add("x", name, name+"'", int64(i+1))
	}
	f.Fuzz(func(t *testing.T, name, token, other string, expiry int64) {
		if name == "" || token == "" || other == "" || token == other || expiry < 1 || len(name) > 1000 {
			t.Skip("refused before anything is sent")
		}
		expiry = 1000 + expiry%(1<<40)
		name = redistest.Name(t) + name
		keys := map[string]bool{}
		eval := func(s *scripts.Script, keyed []any, args ...any) any {
			for _, key := range keyed {
				keys[key.(string)] = true
			}
			ctx, cancel := context.WithTimeout(background, 20*time.Second)
			defer cancel()
			call := driver.NewCall(s, keyed, args...)
			reply, err := pool.Eval(ctx, &call)
			require.NoError(t, err, s.Name())
			return reply
		}
		defer func() {
			for key := range keys {
				left := node.Do(t, "PTTL", key)
				require.NotEqual(t, int64(-1), left, "%q has no expiry", key)
				node.Do(t, "DEL", key)
			}
		}()
		lock := queueKeysOf(testProtocol, name)
		require.EqualValues(t, 1, eval(scripts.Mutex().Acquire, lock, token, expiry, "", int64(0), token))
		require.EqualValues(t, 0, eval(scripts.Mutex().Acquire, lock, other, expiry, other, int64(1000), other))
		require.EqualValues(t, 0, eval(scripts.Mutex().Extend, lock[:1], other, expiry))
		require.EqualValues(t, 0, eval(scripts.Mutex().Release, lock, other, "", int64(0)))
		require.EqualValues(t, 1, eval(scripts.Mutex().Extend, lock[:1], token, expiry))
		require.EqualValues(t, 1, eval(scripts.Mutex().Release, lock, token, "", int64(0)))
		rw := writeProtocol.keys(name)
		require.EqualValues(t, 1, eval(scripts.RWMutex().ReadAcquire, rw, token, expiry, "", int64(0), token))
		require.InDelta(t, maxAnnounced-expiry, eval(scripts.RWMutex().WriteAcquire, rw, other, expiry, other, int64(1000), other), 30_000)
		require.EqualValues(t, 2, eval(scripts.RWMutex().ReadExtend, rw, token, expiry), "a writer waits")
		require.EqualValues(t, 1, eval(scripts.RWMutex().ReadRelease, rw, token, "", int64(0)))
		slots := queueKeysOf(slotsProtocol, name+"s")
		require.Equal(t, "0", eval(scripts.Semaphore().Acquire, slots, token, expiry, int64(2), int64(1), "", int64(0), "", int64(0), token))
		require.Equal(t, "1", eval(scripts.Semaphore().Acquire, slots, other, expiry, int64(2), int64(1), "", int64(0), "", int64(0), other))
		require.Equal(t, 2, len(eval(scripts.Semaphore().Held, slots[:2]).([]any))/2, fmt.Sprint(keys))
		require.EqualValues(t, 1, eval(scripts.Semaphore().Release, slots, token, "", int64(0)))
	})
}

func poolOf(t testing.TB, node *redistest.Node) driver.Pool {
	p := &redigoclient.Pool{
		MaxIdle: 1,
		Dial:    func() (redigoclient.Conn, error) { return redigoclient.Dial("tcp", node.Addr()) },
	}
	t.Cleanup(func() { _ = p.Close() })
	return redigo.NewPool(p)
}
