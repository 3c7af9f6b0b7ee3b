package scripts_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// Waiters for one slot of three, which most of them are, for two and for all, and
// for one under other limits.
const (
	one     id = "a|1:1:3"
	another id = "b|1:1:3"
	third   id = "a|2:1:3"
	two     id = "c|x:7:9|1:2:3"
	all     id = "d|1:3:3"
	small   id = "e|1:1:2"
	large   id = "e|1:10:12"
)

// semLine is what a node has of a semaphore with those that wait for it.
type semLine struct {
	permits grants
	line    []ticket
}

// take are the arguments of an acquire of mine, of n of three slots, that waits as
// id for the short time.
func take(id id, n, listing int, replaced ...any) []any {
	return append([]any{mine, short, 3, n, "", listing, id, short}, replaced...)
}

// The semaphore's scripts with a line, case by case. notified are the
// waiters that are notified, in this order.
var semLineCases = []struct {
	name     string
	script   *scripts.Script
	before   semLine
	args     []any
	reply    any
	after    semLine
	notified []id
}{
	{"a refused acquire gets a ticket", scripts.Semaphore().Acquire,
		semLine{grants{theirs: "0-2"}, nil}, take(one, 1, 0, mine), announced, semLine{grants{theirs: "0-2"}, []ticket{{one, short}}}, nil},
	{"an acquire that does not wait gets none", scripts.Semaphore().Acquire,
		semLine{grants{theirs: "0-2"}, nil}, take("", 1, 0, mine), refused, semLine{grants{theirs: "0-2"}, nil}, nil},
	{"its ticket is the last", scripts.Semaphore().Acquire,
		semLine{grants{theirs: "0-2"}, []ticket{{two, long}, {another, long}}}, take(one, 1, 0, mine), refused,
		semLine{grants{theirs: "0-2"}, []ticket{{two, long}, {another, long}, {one, short}}}, nil},
	{"an acquire renews its ticket and stays where it was", scripts.Semaphore().Acquire,
		semLine{grants{theirs: "0-1"}, []ticket{{two, short}, {one, short}}}, []any{mine, short, 3, 2, "", 0, two, long, mine}, announced,
		semLine{grants{theirs: "0-1"}, []ticket{{two, long}, {one, short}}}, nil},
	{"an acquire of which too few are free waits", scripts.Semaphore().Acquire,
		semLine{grants{theirs: "1"}, nil}, take(all, 3, 0, mine), announced, semLine{grants{theirs: "1"}, []ticket{{all, short}}}, nil},
	{"an acquire of wanted slots that are not free waits", scripts.Semaphore().Acquire,
		semLine{grants{theirs: "1"}, nil}, []any{mine, short, 3, 1, "1", 0, one, short, mine}, refused,
		semLine{grants{theirs: "1"}, []ticket{{one, short}}}, nil},
	{"a strict acquire waits for its own token", scripts.Semaphore().Acquire,
		semLine{grants{mine: "0"}, nil}, take(one, 1, 0), refused, semLine{grants{mine: "0"}, []ticket{{one, short}}}, nil},
	{"one that waits gets a list of what is free", scripts.Semaphore().Acquire,
		semLine{grants{theirs: "1"}, nil}, take(all, 3, 2, mine), listed("", "0,2", "1 600000"),
		semLine{grants{theirs: "1"}, []ticket{{all, short}}}, nil},

	{"a grant where nobody waits makes no line", scripts.Semaphore().Acquire,
		semLine{}, take(one, 1, 0, mine), "0", semLine{grants{mine: "0"}, nil}, nil},
	{"a grant ends the ticket", scripts.Semaphore().Acquire,
		semLine{grants{theirs: "0"}, []ticket{{one, long}, {another, long}}}, take(one, 1, 0, mine), "1",
		semLine{grants{theirs: "0", mine: "1"}, []ticket{{one, over}, {another, long}}}, nil},
	{"a grant of wanted slots does, too", scripts.Semaphore().Acquire,
		semLine{grants{theirs: "0"}, []ticket{{one, long}}}, []any{mine, short, 3, 1, "2", 0, one, short, mine}, "2",
		semLine{grants{theirs: "0", mine: "2"}, []ticket{{one, over}}}, nil},
	{"a waiter in line may have what is free of a semaphore", scripts.Semaphore().Acquire,
		semLine{nil, []ticket{{all, long}, {one, long}}}, take(one, 1, 0, mine), "0",
		semLine{grants{mine: "0"}, []ticket{{all, long}, {one, over}}}, nil},
	{"who does not wait may, too", scripts.Semaphore().Acquire,
		semLine{nil, []ticket{{all, long}}}, take("", 1, 0, mine), "0", semLine{grants{mine: "0"}, []ticket{{all, long}}}, nil},
	{"a newcomer does not pass those in line", scripts.Semaphore().Acquire,
		semLine{grants{theirs: "0"}, []ticket{{all, long}}}, take(one, 1, 0, mine), refused,
		semLine{grants{theirs: "0"}, []ticket{{all, long}, {one, short}}}, nil},
	{"nor does it get a list of what is free", scripts.Semaphore().Acquire,
		semLine{grants{theirs: "0"}, []ticket{{all, long}}}, take(one, 1, 2, mine), listed("", "", ""),
		semLine{grants{theirs: "0"}, []ticket{{all, long}, {one, short}}}, nil},
	{"what it may replace is free all the same", scripts.Semaphore().Acquire,
		semLine{grants{early1: "0", theirs: "2"}, []ticket{{all, long}}}, take(one, 1, 0, mine, early1), refused,
		semLine{grants{theirs: "2"}, []ticket{{all, long}, {one, short}}}, nil},
	{"what it has itself, from an earlier run, stays", scripts.Semaphore().Acquire,
		semLine{grants{early1: "0", mine: "1", theirs: "2"}, []ticket{{all, long}, {one, over}}}, take(one, 1, 0, mine, early1), "1",
		semLine{grants{mine: "1", theirs: "2"}, []ticket{{all, long}, {one, over}}}, nil},
	{"and ends its ticket", scripts.Semaphore().Acquire,
		semLine{grants{mine: "1"}, []ticket{{one, long}, {all, long}}}, take(one, 1, 0, mine), "1",
		semLine{grants{mine: "1"}, []ticket{{one, over}, {all, long}}}, nil},
	{"a newcomer passes the tickets that have ended", scripts.Semaphore().Acquire,
		semLine{nil, []ticket{{all, over}}}, take(one, 1, 0, mine), "0", semLine{grants{mine: "0"}, []ticket{{all, over}}}, nil},

	{"a release notifies the one that it serves", scripts.Semaphore().Release,
		semLine{grants{theirs: "0,2", mine: "1"}, []ticket{{one, long}, {another, long}}}, []any{mine, "", 0}, int64(1),
		semLine{grants{theirs: "0,2"}, []ticket{{one, long}, {another, long}}}, []id{one}},
	{"a release notifies all that it serves", scripts.Semaphore().Release,
		semLine{grants{theirs: "0", mine: "1-2"}, []ticket{{one, long}, {another, long}, {third, long}}}, []any{mine, "", 0}, int64(1),
		semLine{grants{theirs: "0"}, []ticket{{one, long}, {another, long}, {third, long}}}, []id{one, another}},
	{"a release notifies by weight", scripts.Semaphore().Release,
		semLine{grants{mine: "0-2"}, []ticket{{two, long}, {one, long}, {another, long}}}, []any{mine, "", 0}, int64(1),
		semLine{nil, []ticket{{two, long}, {one, long}, {another, long}}}, []id{two, one}},
	{"one that it does not serve is not passed by others", scripts.Semaphore().Release,
		semLine{grants{theirs: "0-1", mine: "2"}, []ticket{{two, long}, {one, long}}}, []any{mine, "", 0}, int64(1),
		semLine{grants{theirs: "0-1"}, []ticket{{two, long}, {one, long}}}, nil},
	{"each waiter goes by its own limit", scripts.Semaphore().Release,
		semLine{grants{theirs: "0-1", mine: "2"}, []ticket{{small, long}, {one, long}}}, []any{mine, "", 0}, int64(1),
		semLine{grants{theirs: "0-1"}, []ticket{{small, long}, {one, long}}}, nil},
	{"a limit is a number", scripts.Semaphore().Release,
		semLine{grants{theirs: "0-1", mine: "2"}, []ticket{{large, long}, {one, long}}}, []any{mine, "", 0}, int64(1),
		semLine{grants{theirs: "0-1"}, []ticket{{large, long}, {one, long}}}, []id{large}},
	{"a release clears the tickets that have ended", scripts.Semaphore().Release,
		semLine{grants{theirs: "0-1", mine: "2"}, []ticket{{two, over}, {all, over}, {one, long}}}, []any{mine, "", 0}, int64(1),
		semLine{grants{theirs: "0-1"}, []ticket{{one, long}}}, []id{one}},
	{"a release of a missing permit notifies of what is free", scripts.Semaphore().Release,
		semLine{grants{theirs: "0-1"}, []ticket{{one, long}}}, []any{mine, "", 0}, int64(-1),
		semLine{grants{theirs: "0-1"}, []ticket{{one, long}}}, []id{one}},
	{"a release of a missing permit where nothing is free", scripts.Semaphore().Release,
		semLine{grants{theirs: "0-2"}, []ticket{{one, long}}}, []any{mine, "", 0}, int64(-1),
		semLine{grants{theirs: "0-2"}, []ticket{{one, long}}}, nil},
	{"a release of a permit where nobody waits", scripts.Semaphore().Release,
		semLine{grants{mine: "0"}, nil}, []any{mine, "", 0}, int64(1), semLine{}, nil},
	{"a release puts the ticket back, and notifies others", scripts.Semaphore().Release,
		semLine{grants{mine: "0-2"}, []ticket{{another, long}}}, []any{mine, one, short}, int64(1),
		semLine{nil, []ticket{{another, long}, {one, short}}}, []id{another}},
	{"who waits on takes nothing from others", scripts.Semaphore().Release,
		semLine{grants{theirs: "0-1", mine: "2"}, []ticket{{two, short}, {another, long}}}, []any{mine, two, long}, int64(1),
		semLine{grants{theirs: "0-1"}, []ticket{{two, long}, {another, long}}}, []id{another}},
	{"a ticket that a grant has ended is put back where it was", scripts.Semaphore().Release,
		semLine{grants{mine: "0-2"}, []ticket{{one, over}, {another, long}}}, []any{mine, one, short}, int64(1),
		semLine{nil, []ticket{{one, short}, {another, long}}}, []id{another}},
	{"a missing permit's release puts the ticket back", scripts.Semaphore().Release,
		semLine{grants{theirs: "0-2"}, nil}, []any{mine, one, short}, int64(-1),
		semLine{grants{theirs: "0-2"}, []ticket{{one, short}}}, nil},

	{"a withdrawal notifies the one that it kept from being notified", scripts.Semaphore().Withdraw,
		semLine{grants{theirs: "0-1"}, []ticket{{two, long}, {one, long}, {another, long}}}, []any{two}, int64(1),
		semLine{grants{theirs: "0-1"}, []ticket{{one, long}, {another, long}}}, []id{one}},
	{"a withdrawal where nothing is free", scripts.Semaphore().Withdraw,
		semLine{grants{theirs: "0-2"}, []ticket{{two, long}, {one, long}}}, []any{two}, int64(1),
		semLine{grants{theirs: "0-2"}, []ticket{{one, long}}}, nil},
	{"a withdrawal of the last ticket", scripts.Semaphore().Withdraw,
		semLine{nil, []ticket{{one, long}}}, []any{one}, int64(1), semLine{}, nil},
	{"a withdrawal of a missing ticket", scripts.Semaphore().Withdraw,
		semLine{grants{theirs: "0"}, []ticket{{one, long}}}, []any{two}, int64(-1),
		semLine{grants{theirs: "0"}, []ticket{{one, long}}}, []id{one}},
}

func TestSemaphoreLine(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range semLineCases {
		t.Run(c.name, func(t *testing.T) {
			l := newSemLine(t, node)
			l.set(c.before)
			requireReply(t, c.reply, l.run(c.script, c.args...))
			l.require(c.after)
			assert.Equal(t, c.notified, l.queue.received())
		})
	}
}

// Slots of leases that have ended are free for those in line.
func TestSemaphoreNotifiesOfWhatHasEnded(t *testing.T) {
	node := redistest.StartOne(t)
	for script, args := range map[*scripts.Script][]any{
		scripts.Semaphore().Release:  {mine, "", 0},
		scripts.Semaphore().Withdraw: {two},
	} {
		l := newSemLine(t, node)
		l.setEnded(3)
		l.queue.set(ticket{one, long}, ticket{another, long})
		require.EqualValues(t, -1, l.run(script, args...))
		require.Equal(t, []id{one, another}, l.queue.received(), script.Name())
	}
}

// Who may not publish can release all the same.
func TestSemaphoreReleaseWithoutAPermission(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	node := redistest.StartOne(t)
	for _, right := range []string{"resetchannels", "-publish"} {
		l := newSemLine(t, node)
		l.set(semLine{grants{mine: "0"}, []ticket{{one, long}, {two, long}}})
		as := newUser(t, node, right)
		assert.EqualValues(t, 1, as.do("EVAL", l.command(scripts.Semaphore().Release, []any{mine, "", 0})...), right)
		assert.EqualValues(t, 1, as.do("EVAL", l.command(scripts.Semaphore().Withdraw, []any{two})...), right)
		l.require(semLine{nil, []ticket{{one, long}}})
		assert.Empty(t, l.queue.received(), "the permission was there")
	}
}

// A waiter that a release may not notify keeps no others from being notified.
func TestSemaphoreReleaseNotifiesWithSomePermissions(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	l := newSemLine(t, redistest.StartOne(t))
	l.set(semLine{grants{mine: "0-2"}, []ticket{{one, long}, {another, long}, {third, long}}})
	as := newUser(t, l.queue.node, "resetchannels", "&"+l.queue.home+"b")
	assert.EqualValues(t, 1, as.do("EVAL", l.command(scripts.Semaphore().Release, []any{mine, "", 0})...))
	assert.Equal(t, []id{another}, l.queue.received())
}

// A queue of another kind keeps nobody from giving a permit back.
func TestSemaphoreReleaseWithASpoiltQueue(t *testing.T) {
	l := newSemLine(t, redistest.StartOne(t))
	l.set(semLine{grants{mine: "0", theirs: "1"}, []ticket{{one, long}}})
	l.queue.spoil()
	assert.EqualValues(t, 1, l.run(scripts.Semaphore().Release, mine, "", 0))
	assert.Equal(t, grants{theirs: "1"}, l.grants())
	l.queue.requireSpoilt()
}

// semWaiting is a semaphore with its line.
type semWaiting struct {
	*semaphore
	queue *queue
}

func newSemLine(t *testing.T, node *redistest.Node) *semWaiting {
	s := newSemaphore(t, node)
	return &semWaiting{s, newQueue(newSubscriber(t, node), s.key+"queue", "")}
}

// run runs a script, which must work, with whole ids.
func (l *semWaiting) run(script *scripts.Script, args ...any) any {
	l.t.Helper()
	return l.node.Do(l.t, append([]any{"EVAL"}, l.command(script, args)...)...)
}

// command are the words of an EVAL.
func (l *semWaiting) command(script *scripts.Script, args []any) []any {
	keys := []any{script.Source(), 2, l.key, l.queue.key}
	return slices.Concat(keys, l.queue.words(args))
}

func (l *semWaiting) set(state semLine) {
	l.t.Helper()
	l.semaphore.set(state.permits, long)
	l.queue.set(state.line...)
}

// require checks permits and tickets.
func (l *semWaiting) require(state semLine) {
	l.t.Helper()
	if state.permits == nil {
		state.permits = grants{}
	}
	require.Equal(l.t, state.permits, l.grants())
	l.requireSound()
	l.queue.require(state.line...)
}
