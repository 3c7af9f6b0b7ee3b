package scripts_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// grants are the permits on a node: token -> slots, as "3-4,7".
type grants map[string]string

// listed is the reply of an acquire that was to list slots. Of one that was not
// it is the granted slots, or refused.
func listed(granted, free, above string) string { return granted + " " + free + " " + above }

const refused = int64(0)

// args are the arguments of an acquire of mine.
func args(limit, n int, wanted string, listing int, replaced ...any) []any {
	return append([]any{mine, short, limit, n, wanted, listing}, replaced...)
}

// The semaphore's scripts, case by case.
var semaphoreCases = []struct {
	name   string
	script *scripts.Script
	before grants
	args   []any
	reply  any
	after  grants
	writes bool
}{
	{"acquire where nothing is held", scripts.Semaphore().Acquire,
		nil, args(3, 1, "", 0, mine), "0", grants{mine: "0"}, true},
	{"acquire strictly", scripts.Semaphore().Acquire,
		nil, args(3, 1, "", 0), "0", grants{mine: "0"}, true},
	{"acquire after the others", scripts.Semaphore().Acquire,
		grants{theirs: "0-1"}, args(3, 1, "", 0, mine), "2", grants{theirs: "0-1", mine: "2"}, true},
	{"acquire in a gap", scripts.Semaphore().Acquire,
		grants{theirs: "0,2"}, args(4, 1, "", 0, mine), "1", grants{theirs: "0,2", mine: "1"}, true},
	{"acquire several in gaps", scripts.Semaphore().Acquire,
		grants{theirs: "1-2,5"}, args(9, 5, "", 0, mine), "0,3-4,6-7", grants{theirs: "1-2,5", mine: "0,3-4,6-7"}, true},
	{"acquire all", scripts.Semaphore().Acquire,
		nil, args(3, 3, "", 0, mine), "0-2", grants{mine: "0-2"}, true},
	{"slots are numbers", scripts.Semaphore().Acquire,
		grants{theirs: "0-8,10"}, args(12, 2, "", 0, mine), "9,11",
		grants{theirs: "0-8,10", mine: "9,11"}, true},

	{"acquire when all are held", scripts.Semaphore().Acquire,
		grants{theirs: "0-2"}, args(3, 1, "", 0, mine), refused, grants{theirs: "0-2"}, false},
	{"acquire one more than is free", scripts.Semaphore().Acquire,
		grants{theirs: "1"}, args(3, 3, "", 0, mine), refused, grants{theirs: "1"}, false},
	{"acquire when all are held, but above", scripts.Semaphore().Acquire,
		grants{theirs: "7-9"}, args(3, 1, "", 0, mine), refused, grants{theirs: "7-9"}, false},
	{"acquire when some are held above", scripts.Semaphore().Acquire,
		grants{theirs: "0,8"}, args(3, 1, "", 0, mine), "1", grants{theirs: "0,8", mine: "1"}, true},
	{"acquire more than is left beside those above", scripts.Semaphore().Acquire,
		grants{theirs: "0,8"}, args(3, 2, "", 0, mine), refused, grants{theirs: "0,8"}, false},

	{"acquire wanted slots", scripts.Semaphore().Acquire,
		nil, args(5, 2, "1,3", 0, mine), "1,3", grants{mine: "1,3"}, true},
	{"acquire the last wanted slot", scripts.Semaphore().Acquire,
		nil, args(5, 1, "4", 0, mine), "4", grants{mine: "4"}, true},
	{"acquire wanted slots of which one is occupied", scripts.Semaphore().Acquire,
		grants{theirs: "3"}, args(5, 2, "1,3", 0, mine), refused, grants{theirs: "3"}, false},
	{"acquire a wanted slot at the limit", scripts.Semaphore().Acquire,
		nil, args(5, 1, "5", 0, mine), refused, nil, false},
	{"acquire a free wanted slot that is one too many", scripts.Semaphore().Acquire,
		grants{theirs: "8-9"}, args(2, 1, "0", 0, mine), refused, grants{theirs: "8-9"}, false},

	{"acquire the next slot with one to spare", scripts.Semaphore().Acquire,
		grants{theirs: "0-1"}, args(4, 1, "", 0, mine), "2", grants{theirs: "0-1", mine: "2"}, true},
	{"acquire a slot below one that is held above", scripts.Semaphore().Acquire,
		grants{theirs: "0,2"}, args(3, 1, "", 0, mine), "1", grants{theirs: "0,2", mine: "1"}, true},
	{"acquire again with slots to spare", scripts.Semaphore().Acquire,
		grants{mine: "0"}, args(9, 1, "", 0, mine), "0", grants{mine: "0"}, true},
	{"acquire again fewer", scripts.Semaphore().Acquire,
		grants{mine: "0-4"}, args(9, 1, "", 0, mine), "0", grants{mine: "0"}, true},
	{"acquire in place of an earlier token, with slots to spare", scripts.Semaphore().Acquire,
		grants{early1: "0"}, args(9, 1, "", 0, mine, early1), "0", grants{mine: "0"}, true},
	{"acquire strictly in place of one, with slots to spare", scripts.Semaphore().Acquire,
		grants{early1: "0"}, args(9, 1, "", 0, early1), "0", grants{mine: "0"}, true},
	{"members are no tokens", scripts.Semaphore().Acquire,
		grants{"a": "0-2", "1:a": "3"}, []any{"0:1:a", short, 9, 1, "", 0, "0:1:a", "0:a", ":a"}, "4",
		grants{"a": "0-2", "1:a": "3", "0:1:a": "4"}, true},

	{"acquire twice", scripts.Semaphore().Acquire,
		grants{mine: "0"}, args(1, 1, "", 0, mine), "0", grants{mine: "0"}, true},
	{"acquire twice when nothing else is free", scripts.Semaphore().Acquire,
		grants{mine: "0", theirs: "1"}, args(2, 1, "", 0, mine), "0", grants{mine: "0", theirs: "1"}, true},
	{"acquire twice when a lower slot is free", scripts.Semaphore().Acquire,
		grants{mine: "1"}, args(9, 1, "", 0, mine), "1", grants{mine: "1"}, true},
	{"acquire twice with a smaller limit", scripts.Semaphore().Acquire,
		grants{mine: "3", theirs: "0-2"}, args(3, 1, "", 0, mine), "3", grants{mine: "3", theirs: "0-2"}, true},
	{"acquire twice the slots that were asked for", scripts.Semaphore().Acquire,
		grants{mine: "1-2"}, args(9, 2, "1-2", 3, mine), listed("1-2", "", ""), grants{mine: "1-2"}, true},
	{"acquire twice strictly", scripts.Semaphore().Acquire,
		grants{mine: "0"}, args(9, 1, "", 0), refused, grants{mine: "0"}, false},
	{"acquire other slots than before", scripts.Semaphore().Acquire,
		grants{mine: "0"}, args(4, 2, "1-2", 0, mine), "1-2", grants{mine: "1-2"}, true},
	{"acquire in place of earlier tokens", scripts.Semaphore().Acquire,
		grants{early1: "0", early2: "1-2"}, args(3, 3, "", 0, mine, early1, early2), "0-2", grants{mine: "0-2"}, true},
	{"acquire strictly in place of an earlier token", scripts.Semaphore().Acquire,
		grants{early1: "0"}, args(1, 1, "", 0, early1), "0", grants{mine: "0"}, true},
	{"earlier tokens are free also when it is refused", scripts.Semaphore().Acquire,
		grants{early1: "0", early2: "1", theirs: "2"}, args(3, 3, "", 0, mine, early1, early2), refused, grants{theirs: "2"}, true},
	{"the token is free also when it is refused", scripts.Semaphore().Acquire,
		grants{mine: "0", theirs: "1"}, args(2, 2, "", 0, mine), refused, grants{theirs: "1"}, true},
	{"others' tokens are no earlier ones", scripts.Semaphore().Acquire,
		grants{theirs: "0"}, args(1, 1, "", 0, mine, early1, early2), refused, grants{theirs: "0"}, false},
	{"the lifetime is no token", scripts.Semaphore().Acquire,
		grants{"200000": "0"}, args(1, 1, "", 0, mine), refused, grants{"200000": "0"}, false},

	{"list free slots", scripts.Semaphore().Acquire,
		grants{theirs: "1,3"}, args(9, 1, "", 3, mine), listed("0", "2,4-5", "1,3"), grants{theirs: "1,3", mine: "0"}, true},
	{"list runs", scripts.Semaphore().Acquire,
		grants{theirs: "0-2,5-6,9"}, args(99, 2, "", 16, mine), listed("3-4", "7-8,10-23", ""),
		grants{theirs: "0-2,5-6,9", mine: "3-4"}, true},
	{"list the slots after the next one", scripts.Semaphore().Acquire,
		grants{theirs: "0-4"}, args(10, 1, "", 16, mine), listed("5", "6-9", "0-4"), grants{theirs: "0-4", mine: "5"}, true},
	{"list as many after the next one as are asked for", scripts.Semaphore().Acquire,
		grants{theirs: "0-4"}, args(37, 1, "", 3, mine), listed("5", "6-8", ""), grants{theirs: "0-4", mine: "5"}, true},
	{"list the slots from 32 below the limit before the next one", scripts.Semaphore().Acquire,
		grants{theirs: "0-4"}, args(36, 1, "", 1, mine), listed("5", "6", "4"), grants{theirs: "0-4", mine: "5"}, true},
	{"list nothing when the last one was taken", scripts.Semaphore().Acquire,
		grants{theirs: "0"}, args(2, 1, "", 16, mine), listed("1", "", "0"), grants{theirs: "0", mine: "1"}, true},
	{"list no more than there are", scripts.Semaphore().Acquire,
		grants{theirs: "1"}, args(4, 2, "", 16, mine), listed("0,2", "3", "1"), grants{theirs: "1", mine: "0,2"}, true},
	{"list free slots when refused", scripts.Semaphore().Acquire,
		grants{theirs: "0,2"}, args(4, 3, "", 1, mine), listed("", "1", "0,2"), grants{theirs: "0,2"}, false},
	{"list free slots when the wanted ones are not", scripts.Semaphore().Acquire,
		grants{theirs: "2"}, args(4, 1, "2", 16, mine), listed("", "0-1,3", "2"), grants{theirs: "2"}, false},
	{"list what was replaced as free", scripts.Semaphore().Acquire,
		grants{early1: "1", theirs: "0"}, args(3, 3, "", 16, mine, early1), listed("", "1-2", "0"), grants{theirs: "0"}, true},
	{"list nothing at the limit", scripts.Semaphore().Acquire,
		grants{theirs: "8-9"}, args(4, 2, "", 2, mine), listed("0-1", "2-3", "8-9"), grants{theirs: "8-9", mine: "0-1"}, true},
	{"list what is from 32 below the limit", scripts.Semaphore().Acquire,
		grants{theirs: "67-68,99-100,555"}, args(100, 1, "", 1, mine), listed("0", "1", "68,99-100,555"),
		grants{theirs: "67-68,99-100,555", mine: "0"}, true},
	{"list the lowest 64 that are above", scripts.Semaphore().Acquire,
		grants{theirs: "100-199"}, args(132, 1, "", 1, mine), listed("0", "1", "100-163"), grants{theirs: "100-199", mine: "0"}, true},

	{"extend", scripts.Semaphore().Extend,
		grants{mine: "0,2", theirs: "1"}, []any{mine, long, "0,2"}, int64(1), grants{mine: "0,2", theirs: "1"}, true},
	{"extend other slots", scripts.Semaphore().Extend,
		grants{mine: "0,2"}, []any{mine, long, "0"}, int64(-1), grants{mine: "0,2"}, false},
	{"extend a missing permit", scripts.Semaphore().Extend,
		grants{theirs: "0"}, []any{mine, long, "0"}, int64(-1), grants{theirs: "0"}, false},
	{"extend where nothing is held", scripts.Semaphore().Extend,
		nil, []any{mine, long, "0"}, int64(-1), nil, false},

	{"release", scripts.Semaphore().Release,
		grants{mine: "0,2", theirs: "1"}, []any{mine}, int64(1), grants{theirs: "1"}, true},
	{"release the last", scripts.Semaphore().Release,
		grants{mine: "0,2"}, []any{mine}, int64(1), nil, true},
	{"release two slots", scripts.Semaphore().Release,
		grants{mine: "0-1", theirs: "2"}, []any{mine}, int64(1), grants{theirs: "2"}, true},
	{"release many", scripts.Semaphore().Release,
		grants{mine: "0-2499", theirs: "2500"}, []any{mine}, int64(1), grants{theirs: "2500"}, true},
	{"release one whose members are like another's", scripts.Semaphore().Release,
		grants{"a": "0-2", "1:a": "3", ":a": "4"}, []any{"a"}, int64(1), grants{"1:a": "3", ":a": "4"}, true},
	{"release a missing permit", scripts.Semaphore().Release,
		grants{theirs: "0"}, []any{mine}, int64(-1), grants{theirs: "0"}, false},
	{"release where nothing is held", scripts.Semaphore().Release,
		nil, []any{mine}, int64(-1), nil, false},

	{"check", scripts.Semaphore().Check,
		grants{mine: "0,2"}, []any{mine, "0,2"}, int64(1), grants{mine: "0,2"}, false},
	{"check many", scripts.Semaphore().Check,
		grants{mine: "0-1999,3000", theirs: "2500"}, []any{mine, "0-1999,3000"}, int64(1), nil, false},
	{"check some of them", scripts.Semaphore().Check,
		grants{mine: "0-1"}, []any{mine, "0"}, int64(-1), nil, false},
	{"check more of them", scripts.Semaphore().Check,
		grants{mine: "0-1"}, []any{mine, "0-2"}, int64(-1), nil, false},
	{"check other slots", scripts.Semaphore().Check,
		grants{mine: "0,2"}, []any{mine, "2"}, int64(-1), grants{mine: "0,2"}, false},
	{"check a missing permit", scripts.Semaphore().Check,
		grants{theirs: "0"}, []any{mine, "0"}, int64(-1), grants{theirs: "0"}, false},

	{"held", scripts.Semaphore().Held,
		grants{mine: "0,2"}, nil, []any{mine, "0,2"}, grants{mine: "0,2"}, false},
	{"held by nobody", scripts.Semaphore().Held,
		nil, nil, []any{}, nil, false},
}

// evens is "from,from+2,…,to-2".
func evens(from, to int) string {
	var slots []string
	for slot := from; slot < to; slot += 2 {
		slots = append(slots, strconv.Itoa(slot))
	}
	return strings.Join(slots, ",")
}

func TestSemaphoreScripts(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range semaphoreCases {
		t.Run(c.name, func(t *testing.T) {
			s := newSemaphore(t, node)
			s.set(c.before, long)
			watch := s.watch()
			assert.Equal(t, c.reply, s.run(c.script, c.args...))
			if !c.writes || redistest.Backend() != "embedded" { // which does not notice what only deletes
				assert.Equal(t, c.writes, watch.touched(), "a key was written")
			}
			if c.after != nil {
				assert.Equal(t, c.after, s.grants())
			}
			s.requireSound()
		})
	}
}

func TestSemaphoreHeldListsAll(t *testing.T) {
	s := newSemaphore(t, redistest.StartOne(t))
	s.set(grants{mine: "0,2", theirs: "1", early1: "3"}, long)
	reply := s.run(scripts.Semaphore().Held).([]any)
	require.Len(t, reply, 6)
	listed := grants{}
	for i := 0; i < len(reply); i += 2 {
		listed[reply[i].(string)] = reply[i+1].(string)
	}
	assert.Equal(t, s.grants(), listed)
}

// The leases follow the server's clock, and an extension never shortens one.
func TestSemaphoreLeases(t *testing.T) {
	s := newSemaphore(t, redistest.StartOne(t))
	s.run(scripts.Semaphore().Acquire, args(3, 1, "", 0, mine)...)
	s.requireLease(mine, short)
	assert.EqualValues(t, 1, s.run(scripts.Semaphore().Extend, mine, long, "0"))
	s.requireLease(mine, long)
	s.requireKeyLasts(long)
	assert.EqualValues(t, 1, s.run(scripts.Semaphore().Extend, mine, short, "0"))
	s.requireLease(mine, long)
	s.run(scripts.Semaphore().Acquire, theirs, short, 3, 1, "", 0)
	s.requireLease(theirs, short)
	s.requireLease(mine, long)
	s.requireKeyLasts(long)
	assert.EqualValues(t, 1, s.run(scripts.Semaphore().Release, mine))
	s.requireKeyLasts(long)
	s.requireSound()
}

// The keys last as long as the longest permit, whether it has the next slot or another.
func TestSemaphorePermitsMakeTheKeysLast(t *testing.T) {
	s := newSemaphore(t, redistest.StartOne(t))
	s.run(scripts.Semaphore().Acquire, args(9, 1, "", 0, mine)...)
	s.requireKeyLasts(short)
	require.Equal(t, "1", s.run(scripts.Semaphore().Acquire, theirs, long, 9, 1, "", 0))
	s.requireKeyLasts(long)
	require.Equal(t, "5", s.run(scripts.Semaphore().Acquire, early1, 2*long, 9, 1, "5", 0))
	s.requireKeyLasts(2 * long)
	require.Equal(t, "2", s.run(scripts.Semaphore().Acquire, early2, 3*long, 9, 1, "", 0), "in a gap")
	s.requireKeyLasts(3 * long)
}

// A permit whose lease has ended is gone for every script, while others live on.
func TestSemaphoreScriptsAfterExpiry(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range []struct {
		script *scripts.Script
		args   []any
		reply  any
		after  grants
	}{
		{scripts.Semaphore().Acquire, args(3, 2, "", 0, mine), "1-2", grants{theirs: "0", mine: "1-2"}},
		{scripts.Semaphore().Acquire, args(9, 1, "", 0, mine), "1", grants{theirs: "0", mine: "1"}},
		{scripts.Semaphore().Acquire, args(3, 2, "1-2", 0, mine), "1-2", grants{theirs: "0", mine: "1-2"}},
		{scripts.Semaphore().Acquire, args(3, 3, "", 2, mine), listed("", "1-2", "0"), grants{theirs: "0"}},
		{scripts.Semaphore().Extend, []any{early1, long, "1-2"}, int64(-1), grants{theirs: "0", early1: "1-2"}},
		{scripts.Semaphore().Check, []any{early1, "1-2"}, int64(-1), grants{theirs: "0", early1: "1-2"}},
		{scripts.Semaphore().Held, nil, []any{theirs, "0"}, grants{theirs: "0", early1: "1-2"}},
		{scripts.Semaphore().Release, []any{early1}, int64(-1), grants{theirs: "0"}},
		{scripts.Semaphore().Release, []any{mine}, int64(-1), grants{theirs: "0", early1: "1-2"}},
	} {
		t.Run(c.script.Name(), func(t *testing.T) {
			s := newSemaphore(t, node)
			s.set(grants{theirs: "0"}, long)
			require.Equal(t, "1-2", s.run(scripts.Semaphore().Acquire, early1, 20, 3, 2, "", 0))
			s.awaitEnd(early1, "1-2")
			assert.Equal(t, c.reply, s.run(c.script, c.args...))
			assert.Equal(t, c.after, s.grants())
			s.requireSound()
		})
	}
}

// One call frees a hundred of those that ended, and more only if it needs them.
func TestSemaphoreReapsABoundedNumber(t *testing.T) {
	s := newSemaphore(t, redistest.StartOne(t))
	s.setEnded(150)
	s.set(grants{theirs: "500"}, long)
	assert.Len(t, s.grants(), 51, "wanted slots are a call like any other")
	s.setEnded(150)
	assert.Equal(t, []any{theirs, "500"}, s.run(scripts.Semaphore().Held), "whether they were freed or not")
	assert.EqualValues(t, -1, s.run(scripts.Semaphore().Release, "nobody"))
	assert.Len(t, s.grants(), 151)
	assert.Equal(t, "0", s.run(scripts.Semaphore().Acquire, args(1000, 1, "", 0)...))
	assert.Len(t, s.grants(), 52)
	s.requireSound()
}

func TestSemaphoreReapsAsManyAsItNeeds(t *testing.T) {
	s := newSemaphore(t, redistest.StartOne(t))
	s.setEnded(250)
	assert.Equal(t, "0-249", s.run(scripts.Semaphore().Acquire, args(250, 250, "", 0)...))
	assert.Len(t, s.grants(), 1)
	s.requireSound()
}

// So many slots take more than one command, whether they are the next ones or not.
func TestSemaphoreTakesManySlotsAtOnce(t *testing.T) {
	node := redistest.StartOne(t)
	for _, before := range []grants{nil, {theirs: "10000"}} {
		s := newSemaphore(t, node)
		s.set(before, long)
		assert.Equal(t, "0-9999", s.run(scripts.Semaphore().Acquire, args(20_000, 10_000, "", 0, mine)...))
		s.requireSound()
		assert.EqualValues(t, 1, s.run(scripts.Semaphore().Check, mine, "0-9999"))
		assert.EqualValues(t, 1, s.run(scripts.Semaphore().Extend, mine, long, "0-9999"))
		assert.EqualValues(t, 1, s.run(scripts.Semaphore().Release, mine))
		assert.Len(t, s.grants(), len(before))
		s.requireSound()
	}
}

// The keys end with the longest lease, without anybody's call.
func TestSemaphoreKeysExpire(t *testing.T) {
	s := newSemaphore(t, redistest.StartOne(t))
	require.Equal(t, "0", s.run(scripts.Semaphore().Acquire, mine, 1, 3, 1, "", 0))
	s.run(scripts.Semaphore().Acquire, theirs, 30, 3, 1, "", 0)
	require.Eventually(t, func() bool {
		return s.node.Do(t, "EXISTS", s.key) == int64(0)
	}, 10*time.Second, time.Millisecond)
}

// The key of another kind is an error, and stays as it is: also of the first acquire ever.
func TestSemaphoreScriptsOnAWrongType(t *testing.T) {
	node := redistest.StartOne(t)
	for _, c := range []struct {
		script *scripts.Script
		args   []any
	}{
		{scripts.Semaphore().Acquire, args(3, 1, "", 0, mine)},
		{scripts.Semaphore().Acquire, args(3, 1, "2", 0)},
		{scripts.Semaphore().Release, []any{mine}},
		{scripts.Semaphore().Extend, []any{mine, long, "0"}},
		{scripts.Semaphore().Check, []any{mine, "0"}},
		{scripts.Semaphore().Held, nil},
	} {
		t.Run(c.script.Name(), func(t *testing.T) {
			s := newSemaphore(t, node)
			s.spoil()
			watch := s.watch()
			_, err := s.try(c.script, c.args...)
			require.ErrorContains(t, err, "WRONGTYPE")
			assert.False(t, watch.touched(), "the key was written")
		})
	}
}

// A large semaphore, half of it held, every second slot: the worst case for a
// search of free ones.
func TestSemaphoreOfAHundredThousand(t *testing.T) {
	s := newSemaphore(t, redistest.StartOne(t))
	s.fill(50_000)
	assert.Equal(t, listed("1", "3,5", evens(99_968, 100_000)), s.run(scripts.Semaphore().Acquire, args(100_000, 1, "", 2, mine)...))
	assert.EqualValues(t, 1, s.run(scripts.Semaphore().Check, mine, "1"))
	assert.EqualValues(t, 1, s.run(scripts.Semaphore().Extend, mine, long, "1"))
	assert.Equal(t, "99999", s.run(scripts.Semaphore().Acquire, early1, short, 100_000, 1, "99999", 0))
	assert.Equal(t, refused, s.run(scripts.Semaphore().Acquire, early2, short, 50_002, 1, "", 0), "none is left of a smaller limit")
	many := s.run(scripts.Semaphore().Acquire, early2, short, 100_000, 2_000, "", 0).(string)
	assert.Len(t, strings.Split(many, ","), 2_000)
	assert.EqualValues(t, 1, s.run(scripts.Semaphore().Extend, early2, long, many))
	assert.Len(t, s.run(scripts.Semaphore().Held), 2*50_003)
	assert.EqualValues(t, 1, s.run(scripts.Semaphore().Release, early2))
	assert.Equal(t, "3", s.run(scripts.Semaphore().Acquire, theirs, short, 100_000, 1, "", 0))
}

// semaphore is one semaphore's key on a node.
type semaphore struct {
	t    *testing.T
	node *redistest.Node
	key  string
}

func newSemaphore(t *testing.T, node *redistest.Node) *semaphore {
	s := &semaphore{t, node, redistest.Name(t) + "\x00\xff {\r\n"}
	t.Cleanup(func() { node.Do(t, "DEL", s.key) })
	return s
}

// run runs a script, which must work.
func (s *semaphore) run(script *scripts.Script, args ...any) any {
	s.t.Helper()
	reply, err := s.try(script, args...)
	require.NoError(s.t, err)
	return reply
}

// try runs a script.
func (s *semaphore) try(script *scripts.Script, args ...any) (any, error) {
	words := []any{"EVAL", script.Source(), 2, s.key, s.key + "queue"}
	return s.node.TryDo(append(words, withoutTicket(script, args)...)...)
}

// withoutTicket completes the arguments of a caller that does not wait.
func withoutTicket(script *scripts.Script, args []any) []any {
	switch script {
	case scripts.Semaphore().Acquire:
		return slices.Insert(slices.Clone(args), 6, any(""), any(0))
	case scripts.Semaphore().Release:
		return append(slices.Clone(args), "", 0)
	}
	return args
}

// set makes the node have permits, by the very script: with the slots that they
// should have as the wanted ones.
func (s *semaphore) set(permits grants, lifetime int) {
	s.t.Helper()
	for token, slots := range permits {
		require.Equal(s.t, slots, s.run(scripts.Semaphore().Acquire, token, lifetime, 1_000_000, count(slots), slots, 0))
	}
}

// setEnded makes the node have n permits, of the slots 0 … n-1, whose leases have
// ended, one after the other.
func (s *semaphore) setEnded(n int) {
	s.t.Helper()
	s.node.Do(s.t, "EVAL", `
		for i = 0, ARGV[1] - 1 do
			redis.call('ZADD', KEYS[1], 1700000000000 + i, '=ended ' .. i, i, '0:ended ' .. i)
		end
		redis.call('PEXPIRE', KEYS[1], ARGV[2])`, 1, s.key, n, long)
}

// fill makes the node have n permits, of the even slots.
func (s *semaphore) fill(n int) {
	s.t.Helper()
	s.node.Do(s.t, "EVAL", `
		local clock = redis.call('TIME')
		local ends = string.format('%.0f', clock[1] * 1000000 + clock[2] + ARGV[2] * 1000)
		for i = 0, ARGV[1] - 1 do
			redis.call('ZADD', KEYS[1], ends, '=token ' .. i, 2 * i, '0:token ' .. i)
		end
		redis.call('PEXPIRE', KEYS[1], ARGV[2])`, 1, s.key, n, long)
}

// spoil makes the key one of another kind.
func (s *semaphore) spoil() {
	s.t.Helper()
	s.node.Do(s.t, "DEL", s.key)
	s.node.Do(s.t, "RPUSH", s.key, "element")
	s.node.Do(s.t, "PEXPIRE", s.key, short)
}

// grants are all permits that the node has, live or not.
func (s *semaphore) grants() grants {
	s.t.Helper()
	found := grants{}
	for token, slots := range s.slots() {
		found[token] = runs(slots)
	}
	return found
}

// slots are the slots of each token, in the order of its members.
func (s *semaphore) slots() map[string][]int {
	s.t.Helper()
	reply := s.node.Do(s.t, "ZRANGE", s.key, 0, -1, "WITHSCORES").([]any)
	found := make(map[string][]int)
	for i := 0; i < len(reply); i += 2 {
		if strings.HasPrefix(reply[i].(string), "=") { // a lease
			continue
		}
		at, token, _ := strings.Cut(reply[i].(string), ":")
		slot, err := strconv.Atoi(reply[i+1].(string))
		require.NoError(s.t, err)
		require.Equal(s.t, strconv.Itoa(len(found[token])), at, "the slots of %q are not in order", token)
		found[token] = append(found[token], slot)
	}
	return found
}

// runs writes ascending slots as scripts do.
func runs(slots []int) string {
	var found []string
	for i := 0; i < len(slots); {
		from := i
		for i++; i < len(slots) && slots[i] == slots[i-1]+1; i++ {
		}
		if i-from == 1 {
			found = append(found, strconv.Itoa(slots[from]))
		} else {
			found = append(found, fmt.Sprintf("%d-%d", slots[from], slots[i-1]))
		}
	}
	return strings.Join(found, ",")
}

// count is how many slots are written.
func count(slots string) int {
	n := 0
	for run := range strings.SplitSeq(slots, ",") {
		var from, to int
		if read, _ := fmt.Sscanf(run, "%d-%d", &from, &to); read == 1 {
			to = from
		}
		n += to - from + 1
	}
	return n
}

// requireSound checks that each token has a lease and slots, and that the key has an expiry.
func (s *semaphore) requireSound() {
	s.t.Helper()
	occupied := make(map[int]bool)
	permits := s.slots()
	for token, slots := range permits {
		require.NotNil(s.t, s.node.Do(s.t, "ZSCORE", s.key, "="+token), "%q has no lease", token)
		for _, slot := range slots {
			require.False(s.t, occupied[slot], "slot %d was given twice", slot)
			occupied[slot] = true
		}
	}
	require.EqualValues(s.t, len(permits)+len(occupied), s.node.Do(s.t, "ZCARD", s.key), "leases without slots")
	require.NotEqualValues(s.t, -1, s.node.Do(s.t, "PTTL", s.key), "no expiry")
}

// requireLease checks how long a permit lasts, in milliseconds.
func (s *semaphore) requireLease(token string, lifetime int) {
	s.t.Helper()
	ends, err := strconv.ParseFloat(s.node.Do(s.t, "ZSCORE", s.key, "="+token).(string), 64)
	require.NoError(s.t, err)
	requireAbout(s.t, lifetime, (int(ends)-s.now())/1000)
}

// requireKeyLasts checks how long the key lasts, in milliseconds.
func (s *semaphore) requireKeyLasts(lifetime int) {
	s.t.Helper()
	requireAbout(s.t, lifetime, int(s.node.Do(s.t, "PTTL", s.key).(int64)))
}

func requireAbout(t *testing.T, lifetime, left int) {
	t.Helper()
	require.LessOrEqual(t, left, lifetime)
	require.Greater(t, left, lifetime-slack)
}

// now is the server's clock in µs.
func (s *semaphore) now() int {
	s.t.Helper()
	clock := s.node.Do(s.t, "TIME").([]any)
	seconds, err := strconv.Atoi(clock[0].(string))
	require.NoError(s.t, err)
	micros, err := strconv.Atoi(clock[1].(string))
	require.NoError(s.t, err)
	return seconds*1_000_000 + micros
}

// awaitEnd waits until a permit's lease has ended.
func (s *semaphore) awaitEnd(token, slots string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.run(scripts.Semaphore().Check, token, slots) == int64(-1) },
		10*time.Second, time.Millisecond)
}

// watch notices every write to the semaphore's key: see lock.watch.
func (s *semaphore) watch() watch {
	s.t.Helper()
	w := newWatch(s.t, s.node)
	w.do("WATCH", s.key)
	return w
}
