package scripts_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// id is that of a waiter, without what makes its channel the test's own.
type id string

const (
	a id = "a|1"
	b id = "a|2" // of the same channel
	c id = "c|"
	d id = "d|1|\x00\xff\r\n" // no bar but the first has a meaning, and no byte
)

// ticket is a waiter's, and how long it lasts, in milliseconds from now.
type ticket struct {
	id       id
	lifetime int
}

// mutexLine is what a node has of a mutex with those that wait for it, in the order
// in which they came.
type mutexLine struct {
	key  key
	line []ticket
}

// stand are the arguments of an acquire of mine that waits as a.
func stand(replaced ...any) []any { return append([]any{mine, short, a, short}, replaced...) }

// The mutex's scripts with a line, case by case. notified are the waiters
// that are notified, in this order.
var mutexLineCases = []struct {
	name     string
	script   *scripts.Script
	before   mutexLine
	args     []any
	reply    int64
	after    mutexLine
	notified []id
}{
	{"a refused try gets a ticket", scripts.Mutex().Acquire,
		mutexLine{key{theirs, long}, nil}, stand(mine), 0, mutexLine{key{theirs, long}, []ticket{{a, short}}}, nil},
	{"its ticket is the last", scripts.Mutex().Acquire,
		mutexLine{key{theirs, long}, []ticket{{c, long}, {b, long}}}, stand(mine), 0,
		mutexLine{key{theirs, long}, []ticket{{c, long}, {b, long}, {a, short}}}, nil},
	{"a try without an id gets none", scripts.Mutex().Acquire,
		mutexLine{key{theirs, long}, nil}, try(mine), 0, mutexLine{key{theirs, long}, nil}, nil},
	{"nor does it where others wait", scripts.Mutex().Acquire,
		mutexLine{key{theirs, long}, []ticket{{b, long}}}, try(mine), 0, mutexLine{key{theirs, long}, []ticket{{b, long}}}, nil},
	{"a try renews its ticket and stays where it was", scripts.Mutex().Acquire,
		mutexLine{key{theirs, long}, []ticket{{a, short}, {b, short}}}, []any{mine, short, a, long, mine}, 0,
		mutexLine{key{theirs, long}, []ticket{{a, long}, {b, short}}}, nil},
	{"a strict try waits for its own token", scripts.Mutex().Acquire,
		mutexLine{key{mine, long}, nil}, stand(), 0, mutexLine{key{mine, long}, []ticket{{a, short}}}, nil},

	{"a grant where nobody waits makes no line", scripts.Mutex().Acquire,
		mutexLine{}, stand(mine), 1, mutexLine{key{mine, short}, nil}, nil},
	{"a grant ends the ticket", scripts.Mutex().Acquire,
		mutexLine{nothing, []ticket{{a, long}, {b, long}}}, stand(mine), 1, mutexLine{key{mine, short}, []ticket{{a, over}, {b, long}}}, nil},
	{"a grant ends the last ticket", scripts.Mutex().Acquire,
		mutexLine{nothing, []ticket{{a, long}}}, stand(mine), 1, mutexLine{key{mine, short}, []ticket{{a, over}}}, nil},
	{"a grant over an earlier token ends the ticket", scripts.Mutex().Acquire,
		mutexLine{key{early1, long}, []ticket{{b, long}, {a, long}}}, stand(mine, early2, early1), 1,
		mutexLine{key{mine, short}, []ticket{{b, long}, {a, over}}}, nil},
	{"a second run in line grants what the first one did", scripts.Mutex().Acquire,
		mutexLine{key{mine, long}, []ticket{{b, long}}}, stand(mine), 1, mutexLine{key{mine, short}, []ticket{{b, long}}}, nil},
	{"a waiter in line may have what is free", scripts.Mutex().Acquire,
		mutexLine{nothing, []ticket{{b, long}, {a, long}, {c, long}}}, stand(mine), 1,
		mutexLine{key{mine, short}, []ticket{{b, long}, {a, over}, {c, long}}}, nil},
	{"a try without an id may, too", scripts.Mutex().Acquire,
		mutexLine{nothing, []ticket{{b, long}}}, try(mine), 1, mutexLine{key{mine, short}, []ticket{{b, long}}}, nil},
	{"a newcomer does not pass a live ticket", scripts.Mutex().Acquire,
		mutexLine{nothing, []ticket{{b, long}}}, stand(mine), 0, mutexLine{nothing, []ticket{{b, long}, {a, short}}}, nil},
	{"nor one behind those that have ended", scripts.Mutex().Acquire,
		mutexLine{nothing, []ticket{{c, over}, {b, long}}}, stand(mine), 0,
		mutexLine{nothing, []ticket{{c, over}, {b, long}, {a, short}}}, nil},
	{"nor for a token that it may replace", scripts.Mutex().Acquire,
		mutexLine{key{early1, long}, []ticket{{b, long}}}, stand(mine, early1), 0,
		mutexLine{key{early1, long}, []ticket{{b, long}, {a, short}}}, nil},
	{"a waiter in line may, until its ticket that has ended is cleared away", scripts.Mutex().Acquire,
		mutexLine{nothing, []ticket{{a, over}, {b, long}}}, stand(mine), 1,
		mutexLine{key{mine, short}, []ticket{{a, over}, {b, long}}}, nil},
	{"a newcomer passes tickets that have ended", scripts.Mutex().Acquire,
		mutexLine{nothing, []ticket{{b, over}, {c, over}}}, stand(mine), 1,
		mutexLine{key{mine, short}, []ticket{{b, over}, {c, over}}}, nil},
	{"a ticket that has ended keeps nobody out, its own neither", scripts.Mutex().Acquire,
		mutexLine{nothing, []ticket{{a, over}}}, stand(mine), 1, mutexLine{key{mine, short}, []ticket{{a, over}}}, nil},

	{"a release notifies the first", scripts.Mutex().Release,
		mutexLine{key{mine, long}, []ticket{{a, long}, {b, long}, {c, long}}}, []any{mine, "", 0}, 1,
		mutexLine{nothing, []ticket{{a, long}, {b, long}, {c, long}}}, []id{a}},
	{"a release notifies by any id", scripts.Mutex().Release,
		mutexLine{key{mine, long}, []ticket{{d, long}}}, []any{mine, "", 0}, 1, mutexLine{nothing, []ticket{{d, long}}}, []id{d}},
	{"a release notifies who came first, not who ends first", scripts.Mutex().Release,
		mutexLine{key{mine, long}, []ticket{{c, long}, {a, short}}}, []any{mine, "", 0}, 1,
		mutexLine{nothing, []ticket{{c, long}, {a, short}}}, []id{c}},
	{"a release clears those that have ended", scripts.Mutex().Release,
		mutexLine{key{mine, long}, []ticket{{c, over}, {d, over}, {a, long}, {b, long}}}, []any{mine, "", 0}, 1,
		mutexLine{nothing, []ticket{{a, long}, {b, long}}}, []id{a}},
	{"a release where all have ended notifies nobody", scripts.Mutex().Release,
		mutexLine{key{mine, long}, []ticket{{a, over}, {b, over}}}, []any{mine, "", 0}, 1, mutexLine{}, nil},
	{"a release where nobody waits notifies nobody", scripts.Mutex().Release,
		mutexLine{key{mine, long}, nil}, []any{mine, "", 0}, 1, mutexLine{}, nil},
	{"a release of another's hold notifies nobody", scripts.Mutex().Release,
		mutexLine{key{theirs, long}, []ticket{{a, long}}}, []any{mine, "", 0}, 0,
		mutexLine{key{theirs, long}, []ticket{{a, long}}}, nil},
	{"a release of a missing hold notifies the first", scripts.Mutex().Release,
		mutexLine{nothing, []ticket{{a, long}, {b, long}}}, []any{mine, "", 0}, -1,
		mutexLine{nothing, []ticket{{a, long}, {b, long}}}, []id{a}},

	{"a release puts the ticket back, and does not notify it", scripts.Mutex().Release,
		mutexLine{key{mine, long}, nil}, []any{mine, a, short}, 1, mutexLine{nothing, []ticket{{a, short}}}, nil},
	{"a release that puts the ticket back notifies another", scripts.Mutex().Release,
		mutexLine{key{mine, long}, []ticket{{b, long}}}, []any{mine, a, short}, 1,
		mutexLine{nothing, []ticket{{b, long}, {a, short}}}, []id{b}},
	{"a ticket that a grant has ended is put back where it was", scripts.Mutex().Release,
		mutexLine{key{mine, long}, []ticket{{c, long}, {a, over}, {b, long}}}, []any{mine, a, short}, 1,
		mutexLine{nothing, []ticket{{c, long}, {a, short}, {b, long}}}, []id{c}},
	{"another is notified also when the ticket is the first", scripts.Mutex().Release,
		mutexLine{key{mine, long}, []ticket{{a, short}, {b, long}, {c, long}}}, []any{mine, a, long}, 1,
		mutexLine{nothing, []ticket{{a, long}, {b, long}, {c, long}}}, []id{b}},
	{"a release of another's hold puts the ticket back", scripts.Mutex().Release,
		mutexLine{key{theirs, long}, []ticket{{b, long}}}, []any{mine, a, short}, 0,
		mutexLine{key{theirs, long}, []ticket{{b, long}, {a, short}}}, nil},
	{"a release of a missing hold puts the ticket back", scripts.Mutex().Release,
		mutexLine{nothing, []ticket{{b, long}}}, []any{mine, a, short}, -1,
		mutexLine{nothing, []ticket{{b, long}, {a, short}}}, []id{b}},

	{"withdraw from a held lock", scripts.Mutex().Withdraw,
		mutexLine{key{theirs, long}, []ticket{{a, long}, {b, long}}}, []any{a}, 1,
		mutexLine{key{theirs, long}, []ticket{{b, long}}}, nil},
	{"withdraw from a free lock", scripts.Mutex().Withdraw,
		mutexLine{nothing, []ticket{{a, long}, {b, long}, {c, long}}}, []any{a}, 1,
		mutexLine{nothing, []ticket{{b, long}, {c, long}}}, []id{b}},
	{"withdraw from behind", scripts.Mutex().Withdraw,
		mutexLine{nothing, []ticket{{b, long}, {a, long}}}, []any{a}, 1, mutexLine{nothing, []ticket{{b, long}}}, []id{b}},
	{"withdraw the last ticket", scripts.Mutex().Withdraw,
		mutexLine{nothing, []ticket{{a, long}}}, []any{a}, 1, mutexLine{}, nil},
	{"withdraw a missing ticket from a free lock", scripts.Mutex().Withdraw,
		mutexLine{nothing, []ticket{{b, long}}}, []any{a}, -1, mutexLine{nothing, []ticket{{b, long}}}, []id{b}},
	{"withdraw a missing ticket from a held lock", scripts.Mutex().Withdraw,
		mutexLine{key{theirs, long}, []ticket{{b, long}}}, []any{a}, -1,
		mutexLine{key{theirs, long}, []ticket{{b, long}}}, nil},
	{"withdraw where nobody waits", scripts.Mutex().Withdraw,
		mutexLine{}, []any{a}, -1, mutexLine{}, nil},

	{"a pass where others wait renews, and notifies nobody", scripts.Mutex().Pass,
		mutexLine{key{mine, short}, []ticket{{a, long}, {b, long}, {c, long}}}, []any{mine, long}, 2,
		mutexLine{key{mine, long}, []ticket{{a, long}, {b, long}, {c, long}}}, nil},
	{"also for less", scripts.Mutex().Pass,
		mutexLine{key{mine, long}, []ticket{{a, long}}}, []any{mine, short}, 2,
		mutexLine{key{mine, short}, []ticket{{a, long}}}, nil},
	{"and where the one that waits is behind those that have ended", scripts.Mutex().Pass,
		mutexLine{key{mine, short}, []ticket{{a, over}, {c, over}, {b, long}}}, []any{mine, long}, 2,
		mutexLine{key{mine, long}, []ticket{{a, over}, {c, over}, {b, long}}}, nil},
	{"a lease passes on where all tickets have ended", scripts.Mutex().Pass,
		mutexLine{key{mine, short}, []ticket{{a, over}, {b, over}}}, []any{mine, long}, 1,
		mutexLine{key{mine, long}, []ticket{{a, over}, {b, over}}}, nil},
	{"a lease passes on where nobody has a ticket", scripts.Mutex().Pass,
		mutexLine{key{mine, short}, nil}, []any{mine, long}, 1, mutexLine{key{mine, long}, nil}, nil},
	{"a pass of another's lease notifies nobody", scripts.Mutex().Pass,
		mutexLine{key{theirs, long}, []ticket{{a, long}}}, []any{mine, short}, 0,
		mutexLine{key{theirs, long}, []ticket{{a, long}}}, nil},
	{"nor does one of a missing lease", scripts.Mutex().Pass,
		mutexLine{nothing, []ticket{{a, long}}}, []any{mine, long}, -1, mutexLine{nothing, []ticket{{a, long}}}, nil},
}

func TestMutexLine(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range mutexLineCases {
		t.Run(c.name, func(t *testing.T) {
			l, q := newMutexLine(t, node)
			l.set(c.before.key)
			q.set(c.before.line...)
			assert.Equal(t, c.reply, l.run(c.script, q.words(c.args)...))
			l.requireKey(c.after.key)
			q.require(c.after.line...)
			assert.Equal(t, c.notified, q.received())
		})
	}
}

// Neither the id nor the lifetime of a ticket is a token that may be replaced.
func TestNothingOfATicketIsAToken(t *testing.T) {
	l, q := newMutexLine(t, redistest.StartOne(t))
	const lifetime = 345_678
	for _, token := range []string{q.home + string(a), fmt.Sprint(lifetime)} {
		l.set(key{token, long})
		require.EqualValues(t, 0, l.run(scripts.Mutex().Acquire, q.words([]any{mine, short, a, lifetime, mine})...))
		l.requireKey(key{token, long})
	}
}

// A lease that others wait for is renewed by each run, and stays until it is released. A
// run after that takes nothing back. A waiter that was granted the lock waits no more.
func TestMutexPassTwice(t *testing.T) {
	l, q := newMutexLine(t, redistest.StartOne(t))
	l.set(key{mine, short})
	q.set(ticket{a, long})
	for _, lifetime := range []int{long, short} {
		require.EqualValues(t, 2, l.run(scripts.Mutex().Pass, mine, lifetime))
		l.requireKey(key{mine, lifetime})
		q.require(ticket{a, long})
	}
	require.Empty(t, q.received())
	require.EqualValues(t, 1, l.run(scripts.Mutex().Release, mine, "", 0))
	require.Equal(t, []id{a}, q.received())
	require.EqualValues(t, -1, l.run(scripts.Mutex().Pass, mine, long))
	l.requireKey(nothing)
	require.EqualValues(t, 1, l.run(scripts.Mutex().Acquire, q.words([]any{theirs, short, a, short, theirs})...))
	require.EqualValues(t, 0, l.run(scripts.Mutex().Pass, mine, long))
	l.requireKey(key{theirs, short})
	for range 2 {
		require.EqualValues(t, 1, l.run(scripts.Mutex().Pass, theirs, long))
		l.requireKey(key{theirs, long})
	}
	require.Empty(t, q.received())
}

// Without the line's keys nobody is seen to wait: the lease passes on.
func TestMutexPassWithoutALine(t *testing.T) {
	node := redistest.StartOne(t)
	l, q := newMutexLine(t, node)
	q.set(ticket{a, long})
	pass := func() any { return node.Do(t, "EVAL", scripts.Mutex().Pass.Source(), 1, l.name, mine, long) }
	require.EqualValues(t, -1, pass())
	l.set(key{theirs, short})
	require.EqualValues(t, 0, pass())
	l.requireKey(key{theirs, short})
	l.set(key{mine, short})
	require.EqualValues(t, 1, pass())
	l.requireKey(key{mine, long})
	q.require(ticket{a, long})
	require.Empty(t, q.received())
}

// A queue of another kind lets nobody know who waits: nothing is written.
func TestMutexPassWithASpoiltQueue(t *testing.T) {
	node := redistest.StartOne(t)
	l, q := newMutexLine(t, node)
	l.set(key{mine, short})
	q.set(ticket{a, long})
	q.spoil()
	watch := newWatch(t, node)
	watch.do("WATCH", l.name, q.key, q.awaited)
	_, err := l.try(scripts.Mutex().Pass, mine, long)
	require.ErrorContains(t, err, "WRONGTYPE")
	assert.False(t, watch.touched(), "a key was written")
	l.requireKey(key{mine, short})
	assert.Empty(t, q.received())
}

// A queue lasts as long as its longest ticket, and its expiry only grows.
func TestQueueLasts(t *testing.T) {
	node := redistest.StartOne(t)
	const longer = long + 2*slack
	for _, script := range []*scripts.Script{scripts.Mutex().Acquire, scripts.Mutex().Release} {
		l, q := newMutexLine(t, node)
		l.set(key{theirs, longer})
		stand := func(id id, lifetime int) {
			args := []any{mine, id, lifetime}
			if script == scripts.Mutex().Acquire {
				args = []any{mine, short, id, lifetime}
			}
			require.EqualValues(t, 0, l.run(script, q.words(args)...))
		}
		stand(a, short)
		q.requireLasts(short)
		stand(b, long)
		q.requireLasts(long)
		stand(c, short)
		q.requireLasts(long)
		stand(a, longer)
		q.requireLasts(longer)
		q.require(ticket{a, longer}, ticket{b, long}, ticket{c, short})
	}
}

// What nobody renews is gone by itself, whole lines too.
func TestTicketsEnd(t *testing.T) {
	node := redistest.StartOne(t)
	l, q := newMutexLine(t, node)
	l.set(key{theirs, long})
	require.EqualValues(t, 0, l.run(scripts.Mutex().Acquire, q.words([]any{mine, short, a, 20})...))
	require.EqualValues(t, 0, l.run(scripts.Mutex().Acquire, q.words([]any{mine, short, b, long})...))
	q.awaitEnd(a)
	require.EqualValues(t, 1, l.run(scripts.Mutex().Release, theirs, "", 0))
	assert.Equal(t, []id{b}, q.received())
	q.require(ticket{b, long})

	l, q = newMutexLine(t, node)
	l.set(key{theirs, long})
	require.EqualValues(t, 0, l.run(scripts.Mutex().Acquire, q.words([]any{mine, short, a, 1})...))
	require.Eventually(t, func() bool { return node.Do(t, "EXISTS", q.key) == int64(0) },
		10*time.Second, time.Millisecond)
}

// The next release notifies a waiter again that is too slow.
func TestNotifiedWaiterKeepsItsTicket(t *testing.T) {
	l, q := newMutexLine(t, redistest.StartOne(t))
	q.set(ticket{a, long}, ticket{b, long})
	for range 2 {
		require.EqualValues(t, 1, l.run(scripts.Mutex().Acquire, theirs, short, "", 0, theirs))
		require.EqualValues(t, 1, l.run(scripts.Mutex().Release, theirs, "", 0))
		require.Equal(t, []id{a}, q.received())
	}
	require.EqualValues(t, 1, l.run(scripts.Mutex().Acquire, q.words(stand(mine))...))
	require.EqualValues(t, 1, l.run(scripts.Mutex().Release, mine, "", 0))
	require.Equal(t, []id{b}, q.received())
}

// One call clears a hundred tickets. A later one notifies a waiter that is behind more
// of them.
func TestReleaseClearsABoundedNumberOfTickets(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range []struct {
		ended, left int
		notified    []id
	}{{99, 0, []id{a}}, {100, 0, []id{a}}, {101, 1, nil}, {150, 50, nil}} {
		l, q := newMutexLine(t, node)
		q.set(append(crowd(c.ended, over), ticket{a, long})...)
		require.EqualValues(t, -1, l.run(scripts.Mutex().Release, mine, "", 0))
		assert.Equal(t, c.notified, q.received())
		assert.Len(t, q.ids(), c.left+1)
		require.EqualValues(t, -1, l.run(scripts.Mutex().Release, mine, "", 0))
		assert.Equal(t, []id{a}, q.received())
		q.require(ticket{a, long})
	}
}

// Who may not publish can release and pass on all the same.
func TestMutexReleaseWithoutAPermission(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	node := redistest.StartOne(t)
	for _, right := range []string{"resetchannels", "-publish"} {
		t.Run(right, func(t *testing.T) {
			l, q := newMutexLine(t, node)
			l.set(key{mine, long})
			q.set(ticket{a, long})
			as := newUser(t, node, right)
			assert.EqualValues(t, 1, as.do("EVAL", scripts.Mutex().Release.Source(), 3, l.name, q.key, q.awaited, mine, "", 0))
			l.requireKey(nothing)
			q.require(ticket{a, long})
			assert.Empty(t, q.received(), "the permission was there")
			l.set(key{mine, short})
			assert.EqualValues(t, 2, as.do("EVAL", scripts.Mutex().Pass.Source(), 3, l.name, q.key, q.awaited, mine, long))
			l.requireKey(key{mine, long})
			q.require(ticket{a, long})
			assert.Empty(t, q.received(), "a pass notified")
			l.set(key{theirs, long})
			assert.EqualValues(t, 1, as.do("EVAL", scripts.Mutex().Withdraw.Source(), 3, l.name, q.key, q.awaited, q.home+string(a)))
			q.require()
		})
	}
}

// A queue of another kind keeps nobody from giving a lock back.
func TestMutexReleaseWithASpoiltQueue(t *testing.T) {
	l, q := newMutexLine(t, redistest.StartOne(t))
	l.set(key{mine, long})
	q.set(ticket{a, long})
	q.spoil()
	assert.EqualValues(t, 1, l.run(scripts.Mutex().Release, mine, "", 0))
	l.requireKey(nothing)
	q.requireSpoilt()
}

// A client that could have the lock looks at the queue first, before anything is written.
func TestMutexAcquireWithASpoiltQueue(t *testing.T) {
	node := redistest.StartOne(t)
	for _, before := range []key{nothing, {early1, long}} {
		l, q := newMutexLine(t, node)
		l.set(before)
		q.set(ticket{b, long})
		q.spoil()
		watch := newWatch(t, node)
		watch.do("WATCH", l.name, q.key, q.awaited)
		_, err := l.try(scripts.Mutex().Acquire, q.words(stand(mine, early1))...)
		assert.ErrorContains(t, err, "WRONGTYPE", "%q", before.token)
		assert.False(t, watch.touched(), "%q: a key was written", before.token)
		l.requireKey(before)
	}
}

// Who does not wait has nothing to do with the queue.
func TestMutexTryWithASpoiltQueue(t *testing.T) {
	l, q := newMutexLine(t, redistest.StartOne(t))
	q.spoil()
	assert.EqualValues(t, 1, l.run(scripts.Mutex().Acquire, try(mine)...))
	assert.EqualValues(t, 0, l.run(scripts.Mutex().Acquire, theirs, short, "", 0))
	q.requireSpoilt()
}

// A release that leaves waiters behind says so, also where it grants: the next one looks again.
func TestReleaseSaysThatOthersWaitOn(t *testing.T) {
	l, q := newMutexLine(t, redistest.StartOne(t))
	for _, c := range []struct {
		tickets []ticket
		awaited bool
	}{
		{nil, false},
		{[]ticket{{a, over}, {b, over}}, false},
		{[]ticket{{a, long}}, true}, // it is notified, and waits until it has the lock
		{[]ticket{{a, over}, {b, over}, {c, long}}, true},
		{append(crowd(101, over), ticket{a, long}), true},
	} {
		q.node.Do(t, "DEL", q.key, q.awaited)
		q.set(c.tickets...)
		q.node.Do(t, "SET", q.awaited, 1, "PX", long)
		l.set(key{mine, long})
		require.EqualValues(t, 1, l.run(scripts.Mutex().Release, mine, "", 0))
		require.Equal(t, c.awaited, q.node.Do(t, "EXISTS", q.awaited) == int64(1), "%v", c.tickets)
		q.requireAwaited(c.awaited)
	}
}

// What is another's is not awaited any less for a release that does nothing.
func TestReleaseOfAnothersLeaseIsAwaitedOn(t *testing.T) {
	l, q := newMutexLine(t, redistest.StartOne(t))
	l.set(key{theirs, long})
	q.set(ticket{a, long})
	require.EqualValues(t, 0, l.run(scripts.Mutex().Release, mine, "", 0))
	q.requireAwaited(true)
}

// newMutexLine makes a lock's key and its line.
func newMutexLine(t *testing.T, node *redistest.Node) (*lock, *queue) {
	l := newLock(t, node)
	q := newQueue(newSubscriber(t, node), l.name+"queue", l.name+"awaited")
	q.alone = true
	return l, q
}

// crowd are n tickets that last as long.
func crowd(n, lifetime int) []ticket {
	var tickets []ticket
	for i := range n {
		tickets = append(tickets, ticket{id(fmt.Sprintf("crowd|%d", i)), lifetime})
	}
	return tickets
}

// newUser connects as a user with all rights, as changed by some. Servers that are
// shared get no users: ask for CanConfig first.
func newUser(t *testing.T, node *redistest.Node, rights ...any) watch {
	t.Helper()
	name := fmt.Sprintf("user-%016x", rand.Uint64())
	node.Do(t, append([]any{"ACL", "SETUSER", name, "on", "nopass", "~*", "&*", "+@all"}, rights...)...)
	user := newWatch(t, node)
	user.do("AUTH", name, "")
	return user
}

// queue is a queue's key on a node, and the one that says that there may be waiters, with a
// subscriber that receives who is notified.
type queue struct {
	*subscriber
	key, awaited string // awaited is "" where there is none
	alone        bool   // there is no other queue of the lock
}

func newQueue(s *subscriber, key, awaited string) *queue {
	s.t.Cleanup(func() { s.node.Do(s.t, "DEL", key, awaited) })
	return &queue{s, key, awaited, false}
}

// sinceLate is what the scripts take from the moment when a waiter came, in µs.
const sinceLate = 4_000_000_000_000_000

// set makes the node have tickets, without the scripts.
func (q *queue) set(tickets ...ticket) {
	q.t.Helper()
	for i, p := range tickets {
		q.put(i, p)
	}
}

// put makes the ticket of the i-th that came.
func (q *queue) put(i int, p ticket) {
	q.t.Helper()
	now := serverClock(q.t, q.node)
	q.setCame(p.id, now-60_000_000+1000*i)
	q.node.Do(q.t, "ZADD", q.key, now+p.lifetime*1000, q.home+string(p.id))
	q.node.Do(q.t, "PEXPIRE", q.key, max(p.lifetime, short, q.lifetime(q.key)))
	if q.awaited != "" {
		q.node.Do(q.t, "SET", q.awaited, 1, "PX", long)
	}
}

func (q *queue) setCame(id id, came int) {
	q.t.Helper()
	q.node.Do(q.t, "ZADD", q.key, came-sinceLate, "-"+q.home+string(id))
}

// require checks that these are the tickets, in this order, that the key lasts as long as
// they do, and that it is known that there are any. Of those that have ended it may be kept
// when they came alone.
func (q *queue) require(tickets ...ticket) {
	q.t.Helper()
	var ids []id
	live := 0
	for _, p := range tickets {
		ids = append(ids, p.id)
		if p.lifetime == over {
			require.False(q.t, q.isLive(p.id), "%q", p.id)
			continue
		}
		live++
		requireAbout(q.t, p.lifetime, (q.ends(p.id)-serverClock(q.t, q.node))/1000)
		require.Greater(q.t, q.lifetime(q.key)+slack, p.lifetime, "the queue ends before %q", p.id)
	}
	require.Equal(q.t, ids, q.ids())
	ends := int(q.node.Do(q.t, "ZCOUNT", q.key, 0, "+inf").(int64))
	require.LessOrEqual(q.t, live, ends)
	require.LessOrEqual(q.t, ends, len(tickets), "tickets of which it is not known when they came")
	require.NotEqual(q.t, -1, q.lifetime(q.key), "the queue has no expiry")
	if q.awaited != "" {
		q.requireAwaited(live > 0)
	}
}

// requireAwaited checks that a release will look for waiters, if there are any, and that this
// ends by itself.
func (q *queue) requireAwaited(awaited bool) {
	q.t.Helper()
	lasts := q.lifetime(q.awaited)
	require.NotEqual(q.t, -1, lasts, "awaited has no expiry")
	if awaited {
		require.Positive(q.t, lasts, "no release would look for waiters")
	}
	if q.node.Do(q.t, "EXISTS", q.key) == int64(0) && q.alone {
		require.Negative(q.t, lasts, "nobody waits")
	}
}

// ids are those that wait, in the order in which they came.
func (q *queue) ids() []id {
	q.t.Helper()
	var ids []id
	for _, member := range q.node.Do(q.t, "ZRANGE", q.key, 0, -1).([]any) {
		if place, ok := strings.CutPrefix(member.(string), "-"); ok {
			ids = append(ids, id(strings.TrimPrefix(place, q.home)))
		}
	}
	return ids
}

// ends is when a ticket does, in µs of the server's clock, 0 if it is gone.
func (q *queue) ends(id id) int { return q.score(q.home + string(id)) }

// came is when the waiter did.
func (q *queue) came(id id) int { return q.score("-"+q.home+string(id)) + sinceLate }

func (q *queue) score(member string) int {
	q.t.Helper()
	reply, _ := q.node.Do(q.t, "ZSCORE", q.key, member).(string)
	if reply == "" {
		return 0
	}
	score, err := strconv.ParseFloat(reply, 64)
	require.NoError(q.t, err)
	return int(score)
}

func (q *queue) isLive(id id) bool {
	q.t.Helper()
	return q.ends(id) > serverClock(q.t, q.node)
}

func (q *queue) awaitEnd(id id) {
	q.t.Helper()
	require.Eventually(q.t, func() bool { return !q.isLive(id) }, 10*time.Second, time.Millisecond)
}

// lifetime is a key's remaining lifetime in milliseconds, -1 without expiry.
func (q *queue) lifetime(key string) int {
	q.t.Helper()
	return (&lock{q.t, q.node, key}).lifetime()
}

func (q *queue) requireLasts(lifetime int) {
	q.t.Helper()
	requireAbout(q.t, lifetime, q.lifetime(q.key))
}

// spoil makes the queue's key one of another kind.
func (q *queue) spoil() {
	q.t.Helper()
	q.node.Do(q.t, "DEL", q.key)
	q.node.Do(q.t, "RPUSH", q.key, "element")
	q.node.Do(q.t, "PEXPIRE", q.key, long)
}

// requireSpoilt checks that the key is as spoil left it.
func (q *queue) requireSpoilt() {
	q.t.Helper()
	require.Equal(q.t, []any{"element"}, q.node.Do(q.t, "LRANGE", q.key, 0, -1))
}

// subscriber receives which waiters a node's scripts notify. Its channels are the test's
// own: others may publish on the same server.
type subscriber struct {
	t    *testing.T
	node *redistest.Node
	conn redis.PubSubConn
	home string // what all channels begin with
}

func newSubscriber(t *testing.T, node *redistest.Node) *subscriber {
	t.Helper()
	conn, err := redis.Dial("tcp", node.DirectAddr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	s := &subscriber{t, node, redis.PubSubConn{Conn: conn}, fmt.Sprintf("holdfast-test:%016x:", rand.Uint64())}
	require.NoError(t, s.conn.PSubscribe(s.home+"*"))
	require.IsType(t, redis.Subscription{}, s.next())
	return s
}

func (s *subscriber) next() any { return s.conn.ReceiveWithTimeout(10 * time.Second) }

// words are a script's arguments with whole ids, but for "", which is none.
func (s *subscriber) words(args []any) []any {
	words := slices.Clone(args)
	for i, word := range words {
		if id, ok := word.(id); ok {
			words[i] = ""
			if id != "" {
				words[i] = s.home + string(id)
			}
		}
	}
	return words
}

// received are the waiters that were notified since the last call, each on its own
// channel. A server sends in order what was published, so a message of the subscriber's
// own is the end of them.
func (s *subscriber) received() []id {
	s.t.Helper()
	s.node.Do(s.t, "PUBLISH", s.home, "")
	var ids []id
	var channels []string
	for {
		message, ok := s.next().(redis.Message)
		require.True(s.t, ok)
		if message.Channel == s.home {
			return ids
		}
		require.NotContains(s.t, channels, message.Channel, "one message for all of a channel")
		channels = append(channels, message.Channel)
		for notified := range strings.SplitSeq(string(message.Data), " ") {
			channel, _, _ := strings.Cut(notified, "|")
			require.Equal(s.t, channel, message.Channel)
			ids = append(ids, id(strings.TrimPrefix(notified, s.home)))
		}
	}
}
