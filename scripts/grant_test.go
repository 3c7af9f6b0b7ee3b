package scripts_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// granter is a lock whose releases may grant, and a channel of its own.
type granter struct {
	t       *testing.T
	node    *redistest.Node
	keys    []any
	channel string
	conn    *redis.PubSubConn // nil while nobody listens
}

func newGranter(t *testing.T, node *redistest.Node, keys int) *granter {
	g := &granter{t: t, node: node, channel: "c" + strings.ReplaceAll(redistest.Name(t), "|", "")}
	for i := range keys {
		g.keys = append(g.keys, redistest.Name(t)+strconv.Itoa(i))
	}
	t.Cleanup(func() { node.Do(t, append([]any{"DEL"}, g.keys...)...) })
	return g
}

func (g *granter) listen() {
	conn, err := redis.Dial("tcp", g.node.DirectAddr())
	require.NoError(g.t, err)
	g.t.Cleanup(func() { _ = conn.Close() })
	g.conn = &redis.PubSubConn{Conn: conn}
	require.NoError(g.t, g.conn.Subscribe(g.channel))
	require.IsType(g.t, redis.Subscription{}, g.conn.ReceiveWithTimeout(10*time.Second))
}

// messages are those since the last call.
func (g *granter) messages() (got []string) {
	g.t.Helper()
	g.node.Do(g.t, "PUBLISH", g.channel, "end")
	for {
		m, ok := g.conn.ReceiveWithTimeout(10 * time.Second).(redis.Message)
		require.True(g.t, ok)
		if string(m.Data) == "end" {
			return got
		}
		got = append(got, string(m.Data))
	}
}

func (g *granter) id(number int, how string) string {
	return fmt.Sprintf("%s|%d|%s", g.channel, number, how)
}

func (g *granter) run(script *scripts.Script, args ...any) any {
	g.t.Helper()
	return g.node.Do(g.t, append(append([]any{"EVAL", script.Source(), len(g.keys)}, g.keys...), args...)...)
}

// wait leaves a ticket. The lock is held meanwhile.
func (g *granter) wait(id string, look int) {
	g.t.Helper()
	args := []any{"their token", short, id, fmt.Sprintf("%d:%d", long, look), "their token"}
	if len(g.keys) == 4 {
		require.EqualValues(g.t, 0, g.run(scripts.Mutex().AcquireFenced, append(args, 1)...))
		return
	}
	require.EqualValues(g.t, 0, g.run(scripts.Mutex().Acquire, args...))
}

func (g *granter) hold() { g.node.Do(g.t, "SET", g.keys[0], mine, "PX", long) }

func (g *granter) release(args ...any) {
	g.t.Helper()
	if len(args) == 0 {
		args = []any{"", 0}
	}
	require.EqualValues(g.t, 1, g.run(scripts.Mutex().Release, append([]any{mine}, args...)...))
}

func (g *granter) holder() any { return g.node.Do(g.t, "GET", g.keys[0]) }

// queueKey is the key of a mutex's queue, or of a semaphore's.
func (g *granter) queueKey() any { return g.keys[max(1, len(g.keys)-2)] }

func (g *granter) waiters() any { return g.node.Do(g.t, "ZCOUNT", g.queueKey(), 0, "+inf") }

func TestReleaseGrants(t *testing.T) {
	node := redistest.StartOne(t)
	g := newGranter(t, node, 3)
	g.listen()
	g.hold()
	odd := "01990b3e-5a7c-7d21-9b0a-3f4de2a1c0ff@a=b|c:1"
	first, second := g.id(1, "5000|"+odd), g.id(2, "7000|second")
	g.wait(first, 3)
	g.wait(second, 1023)
	g.wait(first, 4)
	g.release()
	require.Equal(t, []string{first + "=4"}, g.messages())
	require.Equal(t, odd, g.holder())
	left := node.Do(t, "PTTL", g.keys[0]).(int64)
	require.LessOrEqual(t, left, int64(5000))
	require.Positive(t, left)
	require.EqualValues(t, 1, g.waiters(), "its ticket is gone")
	require.EqualValues(t, 2, node.Do(t, "ZCARD", g.queueKey()))
	require.EqualValues(t, 1, g.run(scripts.Mutex().Release, odd, "", 0))
	require.Equal(t, []string{second + "=1023"}, g.messages())
	require.EqualValues(t, 1, g.run(scripts.Mutex().Release, "second", "", 0))
	require.Empty(t, g.messages())
	require.EqualValues(t, 0, node.Do(t, append([]any{"EXISTS"}, g.keys...)...), "nothing is left")
}

func TestGrantEndsWithItsTicket(t *testing.T) {
	node := redistest.StartOne(t)
	g := newGranter(t, node, 3)
	g.listen()
	g.hold()
	id := g.id(1, "5000|token")
	g.wait(id, 1)
	ends, err := strconv.ParseFloat(node.Do(t, "ZSCORE", g.queueKey(), id).(string), 64)
	require.NoError(t, err)
	require.InDelta(t, serverClock(t, node)+long*1000, ends, slack*1000)
	require.EqualValues(t, 1, int64(ends)%1024)
	node.Do(t, "ZADD", g.queueKey(), serverClock(t, node)-1, id) // as if it had ended
	g.release()
	require.Empty(t, g.messages())
	require.Nil(t, g.holder())
}

// A caller that gives its ticket back may have been granted the lock already.
func TestReleaseWithdraws(t *testing.T) {
	node := redistest.StartOne(t)
	for name, held := range map[string]string{"that waits": mine, "that was granted": "token", "that nobody holds": ""} {
		t.Run(name, func(t *testing.T) {
			g := newGranter(t, node, 3)
			g.listen()
			g.hold()
			own, next := g.id(1, "5000|token"), g.id(2, "5000|next")
			g.wait(own, 1)
			g.wait(next, 1)
			switch held {
			case "token":
				g.release()
				require.Equal(t, []string{own + "=1"}, g.messages())
			case "":
				node.Do(t, "DEL", g.keys[0])
			}
			reply := map[string]int64{mine: 0, "token": 1, "": -1}[held]
			require.EqualValues(t, reply, g.run(scripts.Mutex().Release, "token", own, 0))
			require.Nil(t, node.Do(t, "ZSCORE", g.queueKey(), own), "the ticket is gone")
			if held == mine {
				require.Empty(t, g.messages())
				require.Equal(t, mine, g.holder())
				return
			}
			require.Equal(t, []string{next + "=1"}, g.messages(), "the next one is served")
			require.Equal(t, "next", g.holder())
		})
	}
}

// Where the first waiter cannot be granted the lock it is notified, and the lock is free.
func TestReleaseNotifiesOnly(t *testing.T) {
	node := redistest.StartOne(t)
	for name, how := range map[string]string{
		"an id without a token": "rest", "a number that this call has no key for": "5000f|token",
		"no lifetime": "|token", "no token": "5000|", "an impossible lifetime": "0|token", "a lifetime too long": "99999999999999999999|token",
	} {
		t.Run(name, func(t *testing.T) {
			g := newGranter(t, node, 3)
			g.listen()
			g.hold()
			g.wait(g.id(1, how), 1)
			g.release()
			require.Equal(t, []string{g.id(1, how)}, g.messages())
			require.Nil(t, g.holder())
			require.EqualValues(t, 1, g.waiters(), "it keeps its ticket")
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		g := newGranter(t, node, 3)
		g.hold()
		g.wait(g.id(1, "5000|token"), 1)
		g.release()
		require.Nil(t, g.holder())
		require.EqualValues(t, 1, g.waiters())
	})
}

// A withdrawal of a ticket serves the next one, too, where the lock is free.
func TestWithdrawalGrants(t *testing.T) {
	node := redistest.StartOne(t)
	g := newGranter(t, node, 3)
	g.listen()
	g.hold()
	g.wait(g.id(1, "5000|token"), 7)
	node.Do(t, "DEL", g.keys[0])
	require.EqualValues(t, -1, g.run(scripts.Mutex().Withdraw, ""))
	require.Equal(t, []string{g.id(1, "5000|token") + "=7"}, g.messages())
	require.Equal(t, "token", g.holder())
}

func TestReleaseGrantsWithANumber(t *testing.T) {
	node := redistest.StartOne(t)
	for name, counter := range map[string]int64{"counted": number, "not counted": 0} {
		t.Run(name, func(t *testing.T) {
			g := newGranter(t, node, 4)
			g.listen()
			g.hold()
			first, plain := g.id(1, "5000f|token"), g.id(2, "5000|plain")
			g.wait(first, 2)
			g.wait(plain, 9)
			want := counter + 1
			if counter > 0 {
				node.Do(t, "SET", g.keys[1], counter, "PX", long)
			} else {
				node.Do(t, "DEL", g.keys[1])
			}
			before := serverClock(t, node)
			g.release()
			got := g.messages()
			require.Len(t, got, 1)
			text, ok := strings.CutPrefix(got[0], first+"=2:")
			require.True(t, ok, got)
			fence, err := strconv.ParseInt(text, 10, 64)
			require.NoError(t, err)
			if counter > 0 {
				require.Equal(t, want, fence)
			} else {
				require.GreaterOrEqual(t, fence, int64(before))
			}
			require.Equal(t, text, node.Do(t, "GET", g.keys[1]))
			left := node.Do(t, "PTTL", g.keys[1]).(int64)
			require.LessOrEqual(t, left, int64(aDay+5000))
			require.Greater(t, left, int64(aDay-slack))
			require.EqualValues(t, 1, g.run(scripts.Mutex().Release, "token", "", 0))
			require.Equal(t, []string{plain + "=9"}, g.messages(), "one without a number gets none")
			require.Equal(t, text, node.Do(t, "GET", g.keys[1]))
		})
	}
}

// What the server does not allow costs a waiter a request, and never leaves the lock held.
func TestGrantWithoutPermissions(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig) // embedded nodes have no users
	node := redistest.StartOne(t)
	for denied, granted := range map[string]bool{"-pubsub": false, "-pubsub|numsub": false, "-publish": true, "-zadd": true} {
		t.Run(denied, func(t *testing.T) {
			g := newGranter(t, node, 3)
			g.listen()
			g.hold()
			id := g.id(1, "5000|token")
			g.wait(id, 1)
			user := redistest.Name(t)
			node.Do(t, "ACL", "SETUSER", user, "on", "nopass", "~*", "&*", "+@all", denied)
			t.Cleanup(func() { node.Do(t, "ACL", "DELUSER", user) })
			conn, err := redis.Dial("tcp", node.DirectAddr(), redis.DialUsername(user), redis.DialPassword("any"))
			require.NoError(t, err)
			defer conn.Close()
			reply, err := conn.Do("EVAL", append(append([]any{scripts.Mutex().Release.Source(), 3}, g.keys...), mine, "", 0)...)
			require.NoError(t, err)
			require.EqualValues(t, 1, reply)
			if !granted {
				require.Nil(t, g.holder())
				require.Equal(t, []string{id}, g.messages())
				return
			}
			require.Equal(t, "token", g.holder())
		})
	}
}

// Leases that have ended are gone when a writer is granted: a clock that is set back would
// revive them.
func TestGrantedWriterLeavesNoReaders(t *testing.T) {
	node := redistest.StartOne(t)
	g := newGranter(t, node, 5)
	g.listen()
	id := g.id(1, "5000|theirs")
	node.Do(t, "ZADD", g.keys[1], 1, "ended")
	node.Do(t, "SET", g.keys[0], mine, "PX", long)
	require.LessOrEqual(t, g.run(scripts.RWMutex().WriteAcquire, "theirs", short, id, fmt.Sprintf("%d:7", long), "theirs"), int64(0))
	node.Do(t, "ZADD", g.keys[1], 1, "ended")
	require.EqualValues(t, 1, g.run(scripts.RWMutex().WriteRelease, mine, "", 0))
	require.Equal(t, []string{id + "=7"}, g.messages())
	require.Equal(t, "theirs", g.holder())
	require.EqualValues(t, 0, node.Do(t, "EXISTS", g.keys[1], g.keys[2], g.keys[3]))
}

// A token that has a permit gets no other one: its waiter is notified.
func TestATokenIsGrantedOnePermit(t *testing.T) {
	node := redistest.StartOne(t)
	g := newGranter(t, node, 2)
	g.listen()
	semaphore := scripts.Semaphore()
	require.Equal(t, "0", g.run(semaphore.Acquire, mine, long, 1, 1, "", 0, "", 0, mine))
	id := g.id(1, "5000|token:1:9")
	require.LessOrEqual(t, g.run(semaphore.Acquire, "token", short, 1, 1, "", 0, id, fmt.Sprintf("%d:7", long), "token"), int64(0))
	require.Equal(t, "7", g.run(semaphore.Acquire, "token", long, 9, 1, "7", 0, "", 0))
	require.EqualValues(t, 1, g.run(semaphore.Release, mine, "", 0))
	require.Equal(t, []string{id}, g.messages())
	require.Equal(t, []any{"0:token", "=token"}, node.Do(t, "ZRANGE", g.keys[0], 0, -1))
}

// More waiters than a release reads at first: none is left out, and none is passed by but those
// whose processes have ended.
func TestReleaseGrantsPermitsInOrder(t *testing.T) {
	node := redistest.StartOne(t)
	g := newGranter(t, node, 2)
	g.listen()
	semaphore := scripts.Semaphore()
	require.Equal(t, "0-109", g.run(semaphore.Acquire, mine, long, 110, 110, "", 0, "", 0, mine))
	var want []string
	for i := range 130 {
		token := fmt.Sprintf("token %d", i)
		id := g.id(i, "5000|"+token+":1:110")
		if i%10 == 3 {
			id = "absent|" + id[len(g.channel)+1:]
		} else if len(want) < 110 {
			want = append(want, fmt.Sprintf("%s=%d:%d", id, i, len(want)))
		}
		require.NotEqual(t, "0", g.run(semaphore.Acquire, token, short, 110, 1, "", 0, id, fmt.Sprintf("%d:%d", long, i), token))
	}
	require.EqualValues(t, 1, g.run(semaphore.Release, mine, "", 0))
	require.Equal(t, want, g.messages())
	require.EqualValues(t, 2*len(want), node.Do(t, "ZCARD", g.keys[0])) // leases and slots
	require.EqualValues(t, 130-len(want), g.waiters())
}
