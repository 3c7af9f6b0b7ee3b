package scripts_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// rwTicket is a waiting reader's or writer's.
type rwTicket struct {
	ticket
	writes bool
}

func reads(id id, lifetime int) rwTicket  { return rwTicket{ticket{id, lifetime}, false} }
func writes(id id, lifetime int) rwTicket { return rwTicket{ticket{id, lifetime}, true} }

// rwLine is what a node has of a read-write lock with those that wait for it,
// readers and writers in the order in which they came.
type rwLine struct {
	writer  key
	readers ends
	line    []rwTicket
}

var (
	writtenByMe = key{mine, long}
	writtenElse = key{theirs, long}
	readByMe    = ends{mine: long}
	readElse    = ends{theirs: long}
)

// The read-write lock's scripts with a line, case by case. notified are
// the waiters that are notified, in this order.
var rwLineCases = []struct {
	name     string
	script   *scripts.Script
	before   rwLine
	args     []any
	reply    int64
	after    rwLine
	notified []id
}{
	{"a refused writer's ticket is the last", scripts.RWMutex().WriteAcquire,
		rwLine{writtenElse, nil, []rwTicket{writes(c, long), reads(d, long), writes(b, long)}}, stand(mine), 0,
		rwLine{writtenElse, nil, []rwTicket{writes(c, long), reads(d, long), writes(b, long), writes(a, short)}}, nil},
	{"a writer renews its ticket and stays where it was", scripts.RWMutex().WriteAcquire,
		rwLine{nothing, readElse, []rwTicket{writes(a, short), writes(b, short)}}, []any{mine, short, a, long, mine}, announced,
		rwLine{nothing, readElse, []rwTicket{writes(a, long), writes(b, short)}}, nil},
	{"a writer's grant ends its ticket", scripts.RWMutex().WriteAcquire,
		rwLine{line: []rwTicket{writes(a, long)}}, stand(mine), 1,
		rwLine{key{mine, short}, nil, []rwTicket{writes(a, over)}}, nil},
	{"a writer in line may have what is free", scripts.RWMutex().WriteAcquire,
		rwLine{line: []rwTicket{reads(c, long), writes(b, long), writes(a, long)}}, stand(mine), 1,
		rwLine{key{mine, short}, nil, []rwTicket{reads(c, long), writes(b, long), writes(a, over)}}, nil},
	{"a writer that does not wait may, too", scripts.RWMutex().WriteAcquire,
		rwLine{line: []rwTicket{reads(c, long), writes(b, long)}}, try(mine), 1,
		rwLine{key{mine, short}, nil, []rwTicket{reads(c, long), writes(b, long)}}, nil},
	{"a new writer does not pass a writer", scripts.RWMutex().WriteAcquire,
		rwLine{line: []rwTicket{writes(b, long)}}, stand(mine), 0,
		rwLine{line: []rwTicket{writes(b, long), writes(a, short)}}, nil},
	{"a new writer does not pass a reader", scripts.RWMutex().WriteAcquire,
		rwLine{line: []rwTicket{reads(b, long)}}, stand(mine), 0,
		rwLine{line: []rwTicket{reads(b, long), writes(a, short)}}, nil},
	{"a reader's ticket of this id is no writer's", scripts.RWMutex().WriteAcquire,
		rwLine{line: []rwTicket{reads(a, long)}}, stand(mine), 0,
		rwLine{line: []rwTicket{reads(a, long), writes(a, short)}}, nil},
	{"a new writer passes tickets that have ended", scripts.RWMutex().WriteAcquire,
		rwLine{line: []rwTicket{writes(b, over), reads(c, over)}}, stand(mine), 1,
		rwLine{key{mine, short}, nil, []rwTicket{writes(b, over), reads(c, over)}}, nil},

	{"a writer's ticket that has ended passes nobody", scripts.RWMutex().WriteAcquire,
		rwLine{line: []rwTicket{writes(a, over), writes(b, long)}}, stand(mine), 0,
		rwLine{line: []rwTicket{writes(a, short), writes(b, long)}}, nil},

	{"a refused reader gets a ticket", scripts.RWMutex().ReadAcquire,
		rwLine{writer: writtenElse}, stand(mine), 0, rwLine{writtenElse, nil, []rwTicket{reads(a, short)}}, nil},
	{"a refused reader's ticket is the last", scripts.RWMutex().ReadAcquire,
		rwLine{writtenElse, nil, []rwTicket{writes(c, long), reads(b, long)}}, stand(mine), 0,
		rwLine{writtenElse, nil, []rwTicket{writes(c, long), reads(b, long), reads(a, short)}}, nil},
	{"a reader that does not wait gets none", scripts.RWMutex().ReadAcquire,
		rwLine{writtenElse, nil, []rwTicket{reads(b, long)}}, read(mine), 0,
		rwLine{writtenElse, nil, []rwTicket{reads(b, long)}}, nil},
	{"a reader renews its ticket and stays where it was", scripts.RWMutex().ReadAcquire,
		rwLine{writtenElse, nil, []rwTicket{reads(a, short), writes(b, long), reads(c, short)}}, []any{mine, short, a, long, mine}, 0,
		rwLine{writtenElse, nil, []rwTicket{reads(a, long), writes(b, long), reads(c, short)}}, nil},
	{"a reader waits on for less", scripts.RWMutex().ReadAcquire,
		rwLine{writtenElse, nil, []rwTicket{reads(a, long)}}, stand(mine), 0,
		rwLine{writtenElse, nil, []rwTicket{reads(a, long)}}, nil},
	{"a reader's grant ends its ticket", scripts.RWMutex().ReadAcquire,
		rwLine{line: []rwTicket{reads(b, long), reads(a, long)}}, stand(mine), 1,
		rwLine{nothing, ends{mine: short}, []rwTicket{reads(b, long), reads(a, over)}}, nil},
	{"a new reader passes readers", scripts.RWMutex().ReadAcquire,
		rwLine{line: []rwTicket{reads(b, long)}}, stand(mine), 1,
		rwLine{nothing, ends{mine: short}, []rwTicket{reads(b, long)}}, nil},
	{"a reader that came before the first writer may read", scripts.RWMutex().ReadAcquire,
		rwLine{nothing, readElse, []rwTicket{reads(a, long), writes(b, long)}}, stand(mine), 1,
		rwLine{nothing, ends{theirs: long, mine: short}, []rwTicket{reads(a, over), writes(b, long)}}, nil},
	{"one that came after it may not", scripts.RWMutex().ReadAcquire,
		rwLine{nothing, readElse, []rwTicket{writes(b, long), reads(a, long), writes(c, long)}}, stand(mine), -2,
		rwLine{nothing, readElse, []rwTicket{writes(b, long), reads(a, long), writes(c, long)}}, nil},
	{"nor one that comes now", scripts.RWMutex().ReadAcquire,
		rwLine{nothing, readElse, []rwTicket{reads(c, long), writes(b, long)}}, stand(mine), -2,
		rwLine{nothing, readElse, []rwTicket{reads(c, long), writes(b, long), reads(a, short)}}, nil},
	{"nor one that does not wait", scripts.RWMutex().ReadAcquire,
		rwLine{nothing, readElse, []rwTicket{reads(a, long), writes(b, long)}}, read(mine), -2,
		rwLine{nothing, readElse, []rwTicket{reads(a, long), writes(b, long)}}, nil},
	{"nor one whose id is a writer's", scripts.RWMutex().ReadAcquire,
		rwLine{line: []rwTicket{writes(a, long)}}, stand(mine), -2,
		rwLine{line: []rwTicket{writes(a, long), reads(a, short)}}, nil},
	{"nor one whose ticket has ended", scripts.RWMutex().ReadAcquire,
		rwLine{line: []rwTicket{reads(a, over), writes(b, long), reads(c, long)}}, stand(mine), -2,
		rwLine{line: []rwTicket{reads(a, short), writes(b, long), reads(c, long)}}, nil},
	{"the first writer is one that has not ended", scripts.RWMutex().ReadAcquire,
		rwLine{line: []rwTicket{writes(b, over), reads(a, long), writes(c, long)}}, stand(mine), 1,
		rwLine{nothing, ends{mine: short}, []rwTicket{reads(a, over), writes(c, long)}}, nil},

	{"a write release notifies all readers before the first writer", scripts.RWMutex().WriteRelease,
		rwLine{writtenByMe, nil, []rwTicket{reads(d, long), reads(b, long), writes(a, long), reads(c, long)}}, []any{mine, "", 0}, 1,
		rwLine{line: []rwTicket{reads(d, long), reads(b, long), writes(a, long), reads(c, long)}}, []id{d, b}},
	{"a write release notifies all readers where no writer waits", scripts.RWMutex().WriteRelease,
		rwLine{writtenByMe, nil, []rwTicket{reads(a, long), reads(b, long)}}, []any{mine, "", 0}, 1,
		rwLine{line: []rwTicket{reads(a, long), reads(b, long)}}, []id{a, b}},
	{"a write release notifies the writer that is first, alone", scripts.RWMutex().WriteRelease,
		rwLine{writtenByMe, nil, []rwTicket{writes(a, long), reads(b, long), writes(c, long)}}, []any{mine, "", 0}, 1,
		rwLine{line: []rwTicket{writes(a, long), reads(b, long), writes(c, long)}}, []id{a}},
	{"a write release skips writers that have ended", scripts.RWMutex().WriteRelease,
		rwLine{writtenByMe, nil, []rwTicket{writes(a, over), reads(b, long), writes(c, long), reads(d, long)}}, []any{mine, "", 0}, 1,
		rwLine{line: []rwTicket{reads(b, long), writes(c, long), reads(d, long)}}, []id{b}},
	{"a write release skips readers that have ended", scripts.RWMutex().WriteRelease,
		rwLine{writtenByMe, nil, []rwTicket{reads(a, over), reads(b, over), writes(c, long)}}, []any{mine, "", 0}, 1,
		rwLine{line: []rwTicket{writes(c, long)}}, []id{c}},
	{"a write release where nobody waits", scripts.RWMutex().WriteRelease,
		rwLine{writer: writtenByMe}, []any{mine, "", 0}, 1, rwLine{}, nil},
	{"a release of a missing write notifies, too", scripts.RWMutex().WriteRelease,
		rwLine{line: []rwTicket{writes(a, long)}}, []any{mine, "", 0}, -1, rwLine{line: []rwTicket{writes(a, long)}}, []id{a}},
	{"a release of another's write notifies nobody", scripts.RWMutex().WriteRelease,
		rwLine{writtenElse, nil, []rwTicket{reads(b, long), writes(a, long)}}, []any{mine, "", 0}, 0,
		rwLine{writtenElse, nil, []rwTicket{reads(b, long), writes(a, long)}}, nil},
	{"a write release where others read notifies nobody", scripts.RWMutex().WriteRelease,
		rwLine{nothing, readElse, []rwTicket{writes(a, long)}}, []any{mine, "", 0}, 0,
		rwLine{nothing, readElse, []rwTicket{writes(a, long)}}, nil},
	{"a writer that waits on is not notified", scripts.RWMutex().WriteRelease,
		rwLine{writer: writtenByMe}, []any{mine, a, short}, 1, rwLine{line: []rwTicket{writes(a, short)}}, nil},
	{"a writer that waits on has the next one notified", scripts.RWMutex().WriteRelease,
		rwLine{writtenByMe, nil, []rwTicket{writes(a, short), writes(b, long)}}, []any{mine, a, long}, 1,
		rwLine{line: []rwTicket{writes(a, long), writes(b, long)}}, []id{b}},
	{"a writer that waits on does so where it was", scripts.RWMutex().WriteRelease,
		rwLine{writtenByMe, nil, []rwTicket{writes(c, long), writes(a, over), writes(b, long)}}, []any{mine, a, short}, 1,
		rwLine{line: []rwTicket{writes(c, long), writes(a, short), writes(b, long)}}, []id{c}},
	{"a writer that waits on has the readers notified", scripts.RWMutex().WriteRelease,
		rwLine{writtenByMe, nil, []rwTicket{reads(b, long), reads(c, long)}}, []any{mine, a, short}, 1,
		rwLine{line: []rwTicket{reads(b, long), reads(c, long), writes(a, short)}}, []id{b, c}},

	{"a write pass where readers wait renews, and notifies nobody", scripts.RWMutex().WritePass,
		rwLine{key{mine, short}, nil, []rwTicket{reads(d, long), reads(b, long), writes(a, long), reads(c, long)}}, []any{mine, long}, 2,
		rwLine{key{mine, long}, nil, []rwTicket{reads(d, long), reads(b, long), writes(a, long), reads(c, long)}}, nil},
	{"also for less", scripts.RWMutex().WritePass,
		rwLine{key{mine, long}, nil, []rwTicket{reads(a, long), writes(b, long)}}, []any{mine, short}, 2,
		rwLine{key{mine, short}, nil, []rwTicket{reads(a, long), writes(b, long)}}, nil},
	{"also where readers alone wait", scripts.RWMutex().WritePass,
		rwLine{key{mine, short}, nil, []rwTicket{reads(a, long)}}, []any{mine, long}, 2,
		rwLine{key{mine, long}, nil, []rwTicket{reads(a, long)}}, nil},
	{"and where a writer does", scripts.RWMutex().WritePass,
		rwLine{key{mine, short}, nil, []rwTicket{writes(a, long), reads(b, long), writes(c, long)}}, []any{mine, long}, 2,
		rwLine{key{mine, long}, nil, []rwTicket{writes(a, long), reads(b, long), writes(c, long)}}, nil},
	{"and where it is behind tickets that have ended", scripts.RWMutex().WritePass,
		rwLine{key{mine, short}, nil, []rwTicket{writes(b, over), reads(c, over), writes(a, long)}}, []any{mine, long}, 2,
		rwLine{key{mine, long}, nil, []rwTicket{writes(b, over), reads(c, over), writes(a, long)}}, nil},
	{"and where a reader is", scripts.RWMutex().WritePass,
		rwLine{key{mine, short}, nil, []rwTicket{writes(b, over), reads(c, over), reads(a, long)}}, []any{mine, long}, 2,
		rwLine{key{mine, long}, nil, []rwTicket{writes(b, over), reads(c, over), reads(a, long)}}, nil},
	{"a write lease passes on where all tickets have ended", scripts.RWMutex().WritePass,
		rwLine{key{mine, short}, nil, []rwTicket{writes(a, over), reads(b, over)}}, []any{mine, long}, 1,
		rwLine{key{mine, long}, nil, []rwTicket{writes(a, over), reads(b, over)}}, nil},
	{"a write lease passes on where nobody has a ticket", scripts.RWMutex().WritePass,
		rwLine{writer: key{mine, short}}, []any{mine, long}, 1, rwLine{writer: key{mine, long}}, nil},
	{"a pass of another's write notifies nobody", scripts.RWMutex().WritePass,
		rwLine{writtenElse, nil, []rwTicket{reads(b, long), writes(a, long)}}, []any{mine, short}, 0,
		rwLine{writtenElse, nil, []rwTicket{reads(b, long), writes(a, long)}}, nil},
	{"nor does a write pass where others read", scripts.RWMutex().WritePass,
		rwLine{nothing, readElse, []rwTicket{reads(b, long), writes(a, long)}}, []any{mine, long}, 0,
		rwLine{nothing, readElse, []rwTicket{reads(b, long), writes(a, long)}}, nil},
	{"nor does a pass of a missing write", scripts.RWMutex().WritePass,
		rwLine{line: []rwTicket{writes(a, long)}}, []any{mine, long}, -1, rwLine{line: []rwTicket{writes(a, long)}}, nil},

	{"a downgrade notifies all readers before the first writer", scripts.RWMutex().Downgrade,
		rwLine{writtenByMe, nil, []rwTicket{reads(d, long), reads(b, long), writes(a, long), reads(c, long)}}, []any{mine, short}, 2,
		rwLine{nothing, ends{mine: short}, []rwTicket{reads(d, long), reads(b, long), writes(a, long), reads(c, long)}}, []id{d, b}},
	{"a downgrade notifies no writer", scripts.RWMutex().Downgrade,
		rwLine{writtenByMe, nil, []rwTicket{writes(a, long), reads(b, long)}}, []any{mine, short}, 2,
		rwLine{nothing, ends{mine: short}, []rwTicket{writes(a, long), reads(b, long)}}, nil},
	{"a downgrade where no writer waits", scripts.RWMutex().Downgrade,
		rwLine{writtenByMe, nil, []rwTicket{reads(a, long)}}, []any{mine, short}, 1,
		rwLine{nothing, ends{mine: short}, []rwTicket{reads(a, long)}}, []id{a}},
	{"a downgrade of another's write notifies nobody", scripts.RWMutex().Downgrade,
		rwLine{writtenElse, nil, []rwTicket{reads(a, long)}}, []any{mine, short}, 0,
		rwLine{writtenElse, nil, []rwTicket{reads(a, long)}}, nil},

	{"the last reader's release notifies the writer", scripts.RWMutex().ReadRelease,
		rwLine{nothing, readByMe, []rwTicket{writes(a, long), reads(b, long)}}, []any{mine, "", 0}, 1,
		rwLine{line: []rwTicket{writes(a, long), reads(b, long)}}, []id{a}},
	{"so does that of one beside a lease that has ended", scripts.RWMutex().ReadRelease,
		rwLine{nothing, ends{mine: long, theirs: over}, []rwTicket{writes(a, long)}}, []any{mine, "", 0}, 1,
		rwLine{nothing, ends{theirs: over}, []rwTicket{writes(a, long)}}, []id{a}},
	{"an earlier reader's does not", scripts.RWMutex().ReadRelease,
		rwLine{nothing, ends{mine: long, theirs: long}, []rwTicket{writes(a, long), reads(b, long)}}, []any{mine, "", 0}, 1,
		rwLine{nothing, readElse, []rwTicket{writes(a, long), reads(b, long)}}, nil},
	{"readers before the writer are notified beside those that read", scripts.RWMutex().ReadRelease,
		rwLine{nothing, ends{mine: long, theirs: long}, []rwTicket{reads(b, long), writes(a, long)}}, []any{mine, "", 0}, 1,
		rwLine{nothing, readElse, []rwTicket{reads(b, long), writes(a, long)}}, []id{b}},
	{"and before it when nobody reads", scripts.RWMutex().ReadRelease,
		rwLine{nothing, readByMe, []rwTicket{reads(b, long), writes(a, long)}}, []any{mine, "", 0}, 1,
		rwLine{line: []rwTicket{reads(b, long), writes(a, long)}}, []id{b}},
	{"a release of a missing read notifies the writer", scripts.RWMutex().ReadRelease,
		rwLine{line: []rwTicket{writes(a, long)}}, []any{mine, "", 0}, -1, rwLine{line: []rwTicket{writes(a, long)}}, []id{a}},
	{"a read release where another writes notifies nobody", scripts.RWMutex().ReadRelease,
		rwLine{writtenElse, nil, []rwTicket{reads(b, long)}}, []any{mine, "", 0}, 0,
		rwLine{writtenElse, nil, []rwTicket{reads(b, long)}}, nil},
	{"a release of a read that is still a write", scripts.RWMutex().ReadRelease,
		rwLine{writtenByMe, nil, []rwTicket{reads(b, long), writes(a, long)}}, []any{mine, "", 0}, 1,
		rwLine{line: []rwTicket{reads(b, long), writes(a, long)}}, []id{b}},
	{"a reader that waits on is not notified", scripts.RWMutex().ReadRelease,
		rwLine{nothing, readByMe, []rwTicket{reads(b, long)}}, []any{mine, a, short}, 1,
		rwLine{line: []rwTicket{reads(b, long), reads(a, short)}}, []id{b}},
	{"a reader that waits on has the writer notified", scripts.RWMutex().ReadRelease,
		rwLine{nothing, readByMe, []rwTicket{writes(b, long)}}, []any{mine, a, short}, 1,
		rwLine{line: []rwTicket{writes(b, long), reads(a, short)}}, []id{b}},
	{"a reader that waits on does so where it was", scripts.RWMutex().ReadRelease,
		rwLine{nothing, readByMe, []rwTicket{reads(a, over), writes(b, long)}}, []any{mine, a, short}, 1,
		rwLine{line: []rwTicket{reads(a, short), writes(b, long)}}, []id{b}},
	{"a reader waits on where another writes", scripts.RWMutex().ReadRelease,
		rwLine{writtenElse, nil, []rwTicket{writes(b, long)}}, []any{mine, a, short}, 0,
		rwLine{writtenElse, nil, []rwTicket{writes(b, long), reads(a, short)}}, nil},

	{"a writer's withdrawal notifies readers up to the next writer", scripts.RWMutex().WriteWithdraw,
		rwLine{line: []rwTicket{writes(a, long), reads(b, long), reads(c, long), writes(d, long), reads("e|1", long)}}, []any{a}, 1,
		rwLine{line: []rwTicket{reads(b, long), reads(c, long), writes(d, long), reads("e|1", long)}}, []id{b, c}},
	{"a writer's withdrawal notifies readers beside those that read", scripts.RWMutex().WriteWithdraw,
		rwLine{nothing, readElse, []rwTicket{writes(a, long), reads(b, long)}}, []any{a}, 1,
		rwLine{nothing, readElse, []rwTicket{reads(b, long)}}, []id{b}},
	{"a writer's withdrawal notifies the next writer", scripts.RWMutex().WriteWithdraw,
		rwLine{line: []rwTicket{writes(a, long), writes(b, long), reads(c, long)}}, []any{a}, 1,
		rwLine{line: []rwTicket{writes(b, long), reads(c, long)}}, []id{b}},
	{"a writer's withdrawal from a lock that is read notifies no writer", scripts.RWMutex().WriteWithdraw,
		rwLine{nothing, readElse, []rwTicket{writes(a, long), writes(b, long)}}, []any{a}, 1,
		rwLine{nothing, readElse, []rwTicket{writes(b, long)}}, nil},
	{"a writer's withdrawal from a lock that is written notifies nobody", scripts.RWMutex().WriteWithdraw,
		rwLine{writtenElse, nil, []rwTicket{writes(a, long), reads(b, long)}}, []any{a}, 1,
		rwLine{writtenElse, nil, []rwTicket{reads(b, long)}}, nil},
	{"a writer that is not in line withdraws", scripts.RWMutex().WriteWithdraw,
		rwLine{line: []rwTicket{reads(a, long)}}, []any{a}, -1, rwLine{line: []rwTicket{reads(a, long)}}, []id{a}},

	{"a reader's withdrawal notifies the writer behind it", scripts.RWMutex().ReadWithdraw,
		rwLine{line: []rwTicket{reads(a, long), writes(b, long)}}, []any{a}, 1,
		rwLine{line: []rwTicket{writes(b, long)}}, []id{b}},
	{"a reader's withdrawal notifies other readers first", scripts.RWMutex().ReadWithdraw,
		rwLine{line: []rwTicket{reads(a, long), reads(c, long), writes(b, long)}}, []any{a}, 1,
		rwLine{line: []rwTicket{reads(c, long), writes(b, long)}}, []id{c}},
	{"a reader's withdrawal from a lock that is read notifies no writer", scripts.RWMutex().ReadWithdraw,
		rwLine{nothing, readElse, []rwTicket{reads(a, long), writes(b, long)}}, []any{a}, 1,
		rwLine{nothing, readElse, []rwTicket{writes(b, long)}}, nil},
	{"a reader's withdrawal from a lock that is written notifies nobody", scripts.RWMutex().ReadWithdraw,
		rwLine{writtenElse, nil, []rwTicket{reads(a, long), reads(b, long)}}, []any{a}, 1,
		rwLine{writtenElse, nil, []rwTicket{reads(b, long)}}, nil},
	{"a reader that is not in line withdraws", scripts.RWMutex().ReadWithdraw,
		rwLine{line: []rwTicket{writes(a, long)}}, []any{a}, -1, rwLine{line: []rwTicket{writes(a, long)}}, []id{a}},
}

func TestRWMutexLine(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range rwLineCases {
		t.Run(c.name, func(t *testing.T) {
			l := newRWLine(t, node)
			l.set(c.before)
			requireReply(t, c.reply, l.run(c.script, c.args...))
			l.require(c.after)
			assert.Equal(t, c.notified, l.received())
		})
	}
}

// A readers' queue lasts as long as its longest ticket, and its expiry only grows.
func TestRWMutexReadersLineLasts(t *testing.T) {
	node := redistest.StartOne(t)
	for _, script := range []*scripts.Script{scripts.RWMutex().ReadAcquire, scripts.RWMutex().ReadRelease} {
		l := newRWLine(t, node)
		l.set(rwLine{writer: writtenElse})
		stand := func(id id, lifetime int) {
			args := []any{mine, id, lifetime}
			if script == scripts.RWMutex().ReadAcquire {
				args = []any{mine, short, id, lifetime}
			}
			require.EqualValues(t, 0, l.run(script, args...))
		}
		stand(a, short)
		l.waitingReaders.requireLasts(short)
		stand(b, long)
		l.waitingReaders.requireLasts(long)
		stand(c, short)
		l.waitingReaders.requireLasts(long)
		l.waitingReaders.require(ticket{a, short}, ticket{b, long}, ticket{c, short})
	}
}

// A reader that came in the same microsecond as a writer, or in the next, did not come before it.
func TestRWMutexReaderThatCameWithAWriter(t *testing.T) {
	for i := range 3 {
		l := newRWLine(t, redistest.StartOne(t))
		l.set(rwLine{writer: writtenByMe, line: []rwTicket{reads(a, long), writes(b, long)}})
		came := 1_000_000
		l.waitingReaders.setCame(a, came-1+i)
		l.waitingWriters.setCame(b, came)
		require.EqualValues(t, 1, l.run(scripts.RWMutex().WriteRelease, mine, "", 0))
		assert.Equal(t, []id{[]id{a, b, b}[i]}, l.received(), "%d µs before it", 1-i)
	}
}

// A reader that does not come any more keeps nobody out.
func TestRWMutexReadersTicketEnds(t *testing.T) {
	l := newRWLine(t, redistest.StartOne(t))
	l.set(rwLine{writer: writtenByMe})
	require.EqualValues(t, 0, l.run(scripts.RWMutex().ReadAcquire, theirs, short, a, 20))
	require.EqualValues(t, 0, l.run(scripts.RWMutex().ReadAcquire, theirs, short, b, long))
	require.EqualValues(t, 0, l.run(scripts.RWMutex().WriteAcquire, theirs, short, c, long))
	l.waitingReaders.awaitEnd(a)
	require.EqualValues(t, 1, l.run(scripts.RWMutex().WriteRelease, mine, "", 0))
	assert.Equal(t, []id{b}, l.received())
	l.require(rwLine{line: []rwTicket{reads(b, long), writes(c, long)}})
}

// A reader that has had the lock by its ticket is a newcomer, although the node remembers
// where the ticket was.
func TestRWMutexReadersTicketIsUsedOnce(t *testing.T) {
	l := newRWLine(t, redistest.StartOne(t))
	l.set(rwLine{line: []rwTicket{reads(a, long), writes(b, long), reads(c, long)}})
	require.EqualValues(t, 1, l.run(scripts.RWMutex().ReadAcquire, stand(mine)...))
	require.EqualValues(t, -2, l.run(scripts.RWMutex().ReadAcquire, theirs, short, a, short, theirs))
}

// One call clears a hundred writers' tickets. A later one notifies a waiter that is
// behind more of them.
func TestRWMutexClearsABoundedNumberOfWriters(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range []struct {
		ended, left int
		notified    []id
	}{{99, 0, []id{a}}, {150, 50, nil}} {
		l := newRWLine(t, node)
		l.waitingWriters.set(append(crowd(c.ended, over), ticket{a, long})...)
		require.EqualValues(t, -1, l.run(scripts.RWMutex().WriteRelease, mine, "", 0))
		assert.Equal(t, c.notified, l.received())
		assert.Len(t, l.waitingWriters.ids(), c.left+1)
		require.EqualValues(t, -1, l.run(scripts.RWMutex().WriteRelease, mine, "", 0))
		assert.Equal(t, []id{a}, l.received())
	}
}

// One call notifies a thousand readers. The others poll, or a later one notifies them.
func TestRWMutexNotifiesABoundedNumberOfReaders(t *testing.T) {
	l := newRWLine(t, redistest.StartOne(t))
	l.waitingReaders.set(crowd(1_010, long)...)
	require.EqualValues(t, -1, l.run(scripts.RWMutex().WriteRelease, mine, "", 0))
	assert.Equal(t, l.waitingReaders.ids()[:1_000], l.received())
}

// Who may not publish can release and pass on all the same.
func TestRWMutexReleaseWithoutAPermission(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	node := redistest.StartOne(t)
	for _, right := range []string{"resetchannels", "-publish"} {
		for _, c := range []struct {
			script *scripts.Script
			before rwLine
			args   []any
			reply  int64
			after  rwLine
		}{
			{scripts.RWMutex().WriteRelease, rwLine{writer: writtenByMe}, []any{mine, "", 0}, 1, rwLine{}},
			{scripts.RWMutex().WritePass, rwLine{writer: key{mine, short}}, []any{mine, long}, 2, rwLine{writer: writtenByMe}},
			{scripts.RWMutex().ReadRelease, rwLine{readers: readByMe}, []any{mine, "", 0}, 1, rwLine{}},
			{scripts.RWMutex().WriteWithdraw, rwLine{}, []any{b}, -1, rwLine{}},
			{scripts.RWMutex().ReadWithdraw, rwLine{}, []any{b}, -1, rwLine{}},
		} {
			l := newRWLine(t, node)
			c.before.line = []rwTicket{writes(a, long)}
			l.set(c.before)
			as := newUser(t, node, right)
			assert.Equal(t, c.reply, as.do("EVAL", l.command(c.script, c.args)...), "%s %s", c.script.Name(), right)
			c.after.line = c.before.line
			l.require(c.after)
			assert.Empty(t, l.received(), "the permission was there")
		}
	}
}

// A waiter that a release may not notify keeps no others from being notified.
func TestRWMutexReleaseNotifiesWithSomePermissions(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	l := newRWLine(t, redistest.StartOne(t))
	l.set(rwLine{writtenByMe, nil, []rwTicket{reads(a, long), reads(c, long), reads(b, long)}})
	as := newUser(t, l.subscriber.node, "resetchannels", "&"+l.home+"c")
	assert.EqualValues(t, 1, as.do("EVAL", l.command(scripts.RWMutex().WriteRelease, []any{mine, "", 0})...))
	assert.Equal(t, []id{c}, l.received())
}

// A line of another kind keeps nobody from giving a lock back.
func TestRWMutexReleaseWithASpoiltLine(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range []struct {
		script *scripts.Script
		before rwLine
		args   []any
	}{
		{scripts.RWMutex().WriteRelease, rwLine{writer: writtenByMe}, []any{mine, "", 0}},
		{scripts.RWMutex().ReadRelease, rwLine{readers: readByMe}, []any{mine, "", 0}},
	} {
		for i := range 2 {
			l := newRWLine(t, node)
			l.set(c.before)
			l.set(rwLine{line: []rwTicket{reads(a, long), writes(b, long)}})
			l.rwmutex.spoil(2 + i)
			assert.EqualValues(t, 1, l.run(c.script, c.args...), "key %d", 2+i)
			l.requireHolds(rwLine{})
			l.rwmutex.requireSpoilt(2 + i)
		}
	}
}

// A release that leaves waiters behind says so, and one that leaves none does not.
func TestRWMutexReleaseSaysThatOthersWaitOn(t *testing.T) {
	for name, c := range map[string]struct {
		line    []rwTicket
		awaited bool
	}{
		"nobody": {nil, false}, "who has gone": {[]rwTicket{reads(a, over), writes(b, over)}, false},
		"a reader": {[]rwTicket{reads(a, long)}, true}, "a writer": {[]rwTicket{reads(a, over), writes(b, long)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newRWLine(t, redistest.StartOne(t))
			l.set(rwLine{writer: writtenByMe, line: c.line})
			l.subscriber.node.Do(t, "SET", l.waitingReaders.awaited, 1, "PX", long)
			require.EqualValues(t, 1, l.run(scripts.RWMutex().WriteRelease, mine, "", 0))
			require.Equal(t, c.awaited, l.subscriber.node.Do(t, "EXISTS", l.waitingReaders.awaited) == int64(1))
		})
	}
}

// A write lease that others wait for is renewed by each run, and stays until it is
// released, as a mutex's.
func TestRWMutexWritePassTwice(t *testing.T) {
	l := newRWLine(t, redistest.StartOne(t))
	l.set(rwLine{writtenByMe, nil, []rwTicket{reads(a, long)}})
	for _, lifetime := range []int{short, long} {
		require.EqualValues(t, 2, l.run(scripts.RWMutex().WritePass, mine, lifetime))
		l.require(rwLine{key{mine, lifetime}, nil, []rwTicket{reads(a, long)}})
	}
	require.Empty(t, l.received())
	require.EqualValues(t, 1, l.run(scripts.RWMutex().WriteRelease, mine, "", 0))
	require.Equal(t, []id{a}, l.received())
	require.EqualValues(t, -1, l.run(scripts.RWMutex().WritePass, mine, long))
	l.require(rwLine{line: []rwTicket{reads(a, long)}})
	require.EqualValues(t, 1, l.run(scripts.RWMutex().ReadAcquire, theirs, short, a, short))
	require.EqualValues(t, 0, l.run(scripts.RWMutex().WritePass, mine, long))
	l.requireHolds(rwLine{readers: ends{theirs: short}})
	require.Empty(t, l.received())
}

// Queues of another kind let nobody know who waits: nothing is written.
func TestRWMutexWritePassWithASpoiltLine(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range []struct {
		key  int
		line []rwTicket
	}{
		{2, []rwTicket{writes(b, long)}}, {2, []rwTicket{reads(a, long), writes(b, long)}}, {3, []rwTicket{reads(a, long)}},
	} {
		l := newRWLine(t, node)
		l.set(rwLine{writer: key{mine, short}, line: c.line})
		l.rwmutex.spoil(c.key)
		assert.True(t, l.fails(scripts.RWMutex().WritePass, mine, long), "key %d", c.key)
		l.requireHolds(rwLine{writer: key{mine, short}})
		l.rwmutex.requireSpoilt(c.key)
		assert.Empty(t, l.received(), "key %d", c.key)
	}
}

// rwWaiting is a read-write lock with its two lines.
type rwWaiting struct {
	*rwmutex
	*subscriber
	waitingWriters, waitingReaders *queue
}

func newRWLine(t *testing.T, node *redistest.Node) *rwWaiting {
	l, s := newRWMutex(t, node), newSubscriber(t, node)
	return &rwWaiting{l, s, newQueue(s, l.keys[2], l.keys[4]), newQueue(s, l.keys[3], l.keys[4])}
}

// run runs a script with whole ids.
func (l *rwWaiting) run(script *scripts.Script, args ...any) any {
	l.subscriber.t.Helper()
	return l.rwmutex.run(script, l.subscriber.words(args)...)
}

// command are the words of an EVAL.
func (l *rwWaiting) command(script *scripts.Script, args []any) []any {
	return slices.Concat([]any{script.Source(), len(l.keys)}, l.rwmutex.words(), l.subscriber.words(args))
}

func (l *rwWaiting) set(state rwLine) {
	l.subscriber.t.Helper()
	l.rwmutex.set(rw{writer: state.writer, readers: state.readers})
	for i, p := range state.line {
		l.queue(p).put(i, p.ticket)
	}
}

// queue is the line that a ticket is in.
func (l *rwWaiting) queue(p rwTicket) *queue {
	if p.writes {
		return l.waitingWriters
	}
	return l.waitingReaders
}

// require checks holds and tickets, and that the waiters came in this order.
func (l *rwWaiting) require(state rwLine) {
	l.subscriber.t.Helper()
	l.requireHolds(state)
	lines, last := make(map[*queue][]ticket), 0
	for _, p := range state.line {
		q := l.queue(p)
		lines[q] = append(lines[q], p.ticket)
		came := q.came(p.id)
		require.Greater(l.subscriber.t, came, last, "%q came earlier", p.id)
		last = came
	}
	l.waitingWriters.require(lines[l.waitingWriters]...)
	l.waitingReaders.require(lines[l.waitingReaders]...)
}

func (l *rwWaiting) requireHolds(state rwLine) {
	l.subscriber.t.Helper()
	(&lock{l.subscriber.t, l.subscriber.node, l.keys[0]}).requireKey(state.writer)
	l.requireMembers(1, state.readers)
}
