package fakenode

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	redigoclient "github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/internal/redlock/keyslot"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
	"github.com/holdfast-go/holdfast/scripts"
)

// What the engine's tests prove rests on the fake node doing what the scripts do.
// Here both get the same random commands and must give the same replies.

const (
	seeds      = 30
	commands   = 150  // of each seed
	mutexes    = 2    // in each run, beside one semaphore
	contenders = 3    // for each mutex
	maxLook    = 1024 // numbers of looks begin again there, as the engine's do
)

func TestFakeNodeAnswersAsAServerDoes(t *testing.T) {
	node := redistest.StartOne(t)
	ran := make(map[string]int)
	for _, seed := range redistest.Seeds(t, seeds) {
		d := newDiff(t, node, seed)
		require.NoError(t, d.run(commands))
		for kind, n := range d.ran {
			ran[kind] += n
		}
	}
	t.Logf("script and reply, and how often: %v", ran)
	if os.Getenv(redistest.SeedVariable) == "" {
		requireAllOutcomes(t, ran)
	}
}

// The test of the test: a fake that counts instead of giving slots.
func TestFakeNodeGoesRedWhenItCounts(t *testing.T) {
	d := newDiff(t, redistest.StartOne(t), 0)
	d.fake.CountsPermits = true
	err := d.run(commands)
	require.ErrorContains(t, err, scripts.Semaphore().Acquire.Name())
	require.ErrorContains(t, err, redistest.SeedVariable+"=0")
}

// requireAllOutcomes checks that the commands got every reply that there is.
func requireAllOutcomes(t *testing.T, ran map[string]int) {
	t.Helper()
	require.Positive(t, ran["messages granted"])
	require.Positive(t, ran["messages notified"])
	for script, replies := range map[*scripts.Script][]string{
		scripts.Mutex().Acquire:      {"-1000", "0", "1"},
		scripts.Mutex().Extend:       {"-1", "0", "1"},
		scripts.Mutex().ExtendOrSet:  {"0", "1"},
		scripts.Mutex().Release:      {"-1", "0", "1"},
		scripts.Mutex().Pass:         {"-1", "0", "1", "2"},
		scripts.Mutex().Withdraw:     {"-1", "1"},
		scripts.Mutex().Check:        {"-1", "0", "1"},
		scripts.Semaphore().Acquire:  {"granted", "refused", "-1000", "0"},
		scripts.Semaphore().Extend:   {"-1", "1"},
		scripts.Semaphore().Release:  {"-1", "1"},
		scripts.Semaphore().Withdraw: {"-1", "1"},
		scripts.Semaphore().Check:    {"-1", "1"},
		scripts.Semaphore().Held:     {"granted", "refused"}, // some held, none held
	} {
		for _, reply := range replies {
			require.Positive(t, ran[script.Name()+" "+reply], "%s never answered %s", script.Name(), reply)
		}
	}
}

// diff sends the same commands to a fake node and to a server.
type diff struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand
	fake   *Node
	server driver.Pool

	names  [][]any           // the keys of each mutex
	permit []any             // the keys of the semaphore
	limit  int               // most commands go by it
	tokens []any             // few, so that they meet
	slots  map[string]string // token -> the slots it was last granted
	grants *diffGrants
	looks  int

	trace  []string
	ran    map[string]int // by script and kind of reply
	differ error          // ends the run
}

func newDiff(t *testing.T, node *redistest.Node, seed uint64) *diff {
	random := rand.New(rand.NewPCG(seed, 0))
	d := &diff{
		t: t, seed: seed, random: random,
		fake: New(), server: poolOf(t, node),
		permit: auxKeys(redistest.Name(t), "held", "queue"),
		limit:  pick(random, 1, 2, 3, 5, 12, 40, 200),
		slots:  make(map[string]string),
		ran:    make(map[string]int),
	}
	d.grants = newDiffGrants(d)
	for range mutexes {
		name := redistest.Name(t)
		d.names = append(d.names, []any{name, name + "line", name + "waiters"})
	}
	for i := range contenders + random.IntN(10) {
		d.tokens = append(d.tokens, diffToken(i))
	}
	t.Cleanup(func() {
		for _, key := range slices.Concat(d.permit, d.names[0], d.names[1]) {
			_, _ = node.TryDo("DEL", key)
		}
	})
	return d
}

// diffToken is one of ours, or another. They are the same for the same seed.
func diffToken(i int) string {
	if i%2 == 0 {
		return fmt.Sprintf("01234567-89ab-7cde-8f01-%012d@t%d", i, i)
	}
	return fmt.Sprintf("t%d", i)
}

// auxKeys are a lock's keys of some kinds.
func auxKeys(name string, kinds ...string) (keys []any) {
	for _, kind := range kinds {
		keys = append(keys, keyslot.Aux(name, kind))
	}
	return keys
}

func poolOf(t testing.TB, node *redistest.Node) driver.Pool {
	p := &redigoclient.Pool{
		MaxIdle: 1,
		Dial:    func() (redigoclient.Conn, error) { return redigoclient.Dial("tcp", node.Addr()) },
	}
	t.Cleanup(func() { _ = p.Close() })
	return redigo.NewPool(p)
}

func pick[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

// run sends n commands, or fewer if a difference is found.
func (d *diff) run(n int) error {
	steps := []func(){d.mutexAcquire, d.mutexOther, d.mutexOther, d.acquire, d.acquireSlots, d.other, d.other, d.held}
	for len(d.trace) < n && d.differ == nil {
		if d.random.IntN(50) == 0 {
			d.crash()
		}
		pick(d.random, steps...)()
	}
	return d.ended()
}

// ended is what differs at the end of a run, when the messages are compared, too.
func (d *diff) ended() error {
	if d.differ == nil {
		d.differ = d.grants.differ()
	}
	return d.differ
}

// lifetime is mostly longer than the test, and else over when the next command
// is sent: nothing in between depends on how fast the test runs.
func (d *diff) lifetime() int64 {
	if d.random.IntN(12) == 0 {
		return 1
	}
	return int64(1+d.random.IntN(10)) * time.Minute.Milliseconds()
}

// slotsPlace is the same for the semaphore.
func (d *diff) slotsPlace() any {
	return pick(d.random, "", "", "", d.grants.toNotify("one:1:40"), d.grants.toNotify("two:3:5"),
		any(d.grants.id(0)+":1:40"), any(d.grants.id(1)+":2:6"), any(d.grants.id(2)+":1:5"))
}

// place is mostly that of one of some waiters, which outlasts the test.
func (d *diff) place() any {
	return pick(d.random, "", d.grants.toNotify("one"), d.grants.toNotify("two"), any(d.grants.id(0)), any(d.grants.id(1)), "absent|1|600000|absent")
}

func (d *diff) minutes() int64 { return 60_000 * int64(1+d.random.IntN(10)) }

// look is the lifetime of a ticket, with the number of a look. These grow, as they alone
// distinguish two looks within a millisecond for the script.
func (d *diff) look() any {
	d.looks++
	return fmt.Sprintf("%d:%d", d.minutes(), d.looks%maxLook)
}

func (d *diff) token() any { return pick(d.random, d.tokens...) }

func (d *diff) contender() any { return pick(d.random, d.tokens[:contenders]...) }

// owner is one that may have a lease, perhaps by a grant.
func (d *diff) owner() any {
	return pick(d.random, d.contender(), d.contender(), d.grants.token(0), d.grants.token(1))
}

// replaceable lists tokens that an acquire may replace: mostly itself, and a few
// others.
func (d *diff) replaceable(token any) (tokens []any) {
	if d.random.IntN(4) > 0 {
		tokens = append(tokens, token)
	}
	for range d.random.IntN(6) - 2 {
		tokens = append(tokens, d.token())
	}
	return tokens
}

func (d *diff) mutexAcquire() {
	name, token, lifetime := pick(d.random, d.names...), d.contender(), d.lifetime()
	args := append([]any{token, lifetime, d.place(), d.look()}, d.replaceable(token)...)
	reply := d.send(scripts.Mutex().Acquire, name, args...)
	d.outlive(lifetime, reply, scripts.Mutex().Check, name, token)
}

func (d *diff) mutexOther() {
	name, token, lifetime := pick(d.random, d.names...), d.owner(), d.lifetime()
	switch script := pick(d.random, scripts.Mutex().Extend, scripts.Mutex().ExtendOrSet, scripts.Mutex().Release,
		scripts.Mutex().Check, scripts.Mutex().Pass, scripts.Mutex().Withdraw); script {
	case scripts.Mutex().Release:
		d.send(script, name, d.releaseArgs(token, d.place())...)
	case scripts.Mutex().Check:
		d.send(script, name, token)
	case scripts.Mutex().Withdraw:
		d.send(script, name, d.place())
	default:
		reply := d.send(script, name, token, lifetime)
		d.outlive(lifetime, reply, scripts.Mutex().Check, name, token)
	}
}

// releaseArgs are those of a release: with a ticket, or, as most have none, without.
func (d *diff) releaseArgs(token, place any) []any {
	if d.random.IntN(3) == 0 {
		return []any{token}
	}
	return []any{token, place, pick(d.random, d.look(), any(int64(0)))}
}

// acquire lets the node choose the slots.
func (d *diff) acquire() {
	limit := d.someLimit()
	d.take(limit, d.someSlots(limit), "")
}

// acquireSlots asks for slots, some of which may be occupied or at the limit.
func (d *diff) acquireSlots() {
	limit := d.someLimit()
	n := d.someSlots(limit)
	wanted := d.random.Perm(limit + d.random.IntN(3))[:n]
	slices.Sort(wanted)
	d.take(limit, n, slotset.Format(wanted))
}

func (d *diff) someLimit() int {
	if d.random.IntN(4) == 0 {
		return 1 + d.random.IntN(2*d.limit)
	}
	return d.limit
}

// someSlots is how many to acquire: mostly a few, so that many fit.
func (d *diff) someSlots(limit int) int {
	if d.random.IntN(12) == 0 {
		return 1 + d.random.IntN(limit)
	}
	return 1 + d.random.IntN(max(1, limit/6))
}

func (d *diff) take(limit, n int, wanted string) {
	token, lifetime := d.token(), d.lifetime()
	listing := pick(d.random, int64(0), 1, 3, 16, 100)
	args := append([]any{token, lifetime, int64(limit), int64(n), wanted, listing, d.slotsPlace(), d.look()}, d.replaceable(token)...)
	reply := d.send(scripts.Semaphore().Acquire, d.permit, args...)
	d.outlive(lifetime, reply, scripts.Semaphore().Check, d.permit, token, d.slots[token.(string)])
}

// other sends one of the commands on a permit, mostly with the slots that it has.
func (d *diff) other() {
	token := pick(d.random, d.token(), d.owner())
	slots := d.slots[token.(string)]
	if d.random.IntN(6) == 0 {
		slots = slotset.Format([]int{d.random.IntN(d.limit)})
	}
	switch script := pick(d.random, scripts.Semaphore().Extend, scripts.Semaphore().Release, scripts.Semaphore().Check,
		scripts.Semaphore().Withdraw); script {
	case scripts.Semaphore().Extend: // never shortens: what it extends lasts, however short the lifetime
		d.send(script, d.permit, token, d.lifetime(), slots)
	case scripts.Semaphore().Check:
		d.send(script, d.permit, token, slots)
	case scripts.Semaphore().Withdraw:
		d.send(script, d.permit, d.slotsPlace())
	default:
		d.send(script, d.permit, d.releaseArgs(token, d.slotsPlace())...)
	}
}

func (d *diff) held() { d.send(scripts.Semaphore().Held, d.permit) }

// crash has some permits end at about the same time. No reply depends on whether
// others have ended already: each one asks for a slot that only it uses.
func (d *diff) crash() {
	const apart = 10_000
	n := 2 + d.random.IntN(4)
	for i := range n {
		slot := fmt.Sprint(apart + i)
		token := "crashing" + slot
		d.send(scripts.Semaphore().Acquire, d.permit, token, int64(1), int64(2*apart), int64(1), slot, int64(0), "", int64(0), token)
	}
	for i := range n {
		slot := fmt.Sprint(apart + i)
		d.awaitEnd(scripts.Semaphore().Check, d.permit, "crashing"+slot, slot)
	}
}

// send runs a command on both and compares the replies. It returns the server's.
func (d *diff) send(script *scripts.Script, keys []any, args ...any) any {
	call := driver.NewCall(script, keys, args...)
	fake, server := d.eval(d.fake, &call), d.eval(d.server, &call)
	if script == scripts.Semaphore().Held {
		fake, server = inOrder(fake), inOrder(server)
	}
	fake, server = untimed(fake), untimed(server)
	d.note(script, args, server)
	if !reflect.DeepEqual(fake, server) && d.differ == nil {
		d.differ = fmt.Errorf("the fake answered %v (%s=%d replays this):\n%s",
			fake, redistest.SeedVariable, d.seed, strings.Join(d.trace, "\n"))
	}
	return server
}

// untimed is a reply without the time that a lease has yet, which is another one for each
// of the two.
func untimed(reply any) any {
	if n, ok := reply.(int64); ok && n <= maxAnnounced {
		return int64(maxAnnounced)
	}
	if text, ok := reply.(string); ok && strings.Count(text, " ") == 3 {
		return text[:strings.LastIndex(text, " ")+1] + "0"
	}
	return reply
}

func (d *diff) eval(pool driver.Pool, call *driver.Call) any {
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second)
	defer cancel()
	reply, err := pool.Eval(ctx, call)
	require.NoError(d.t, err)
	return reply
}

// inOrder sorts the pairs of a reply that has them in any order.
func inOrder(reply any) any {
	pairs := slices.Collect(slices.Chunk(reply.([]any), 2))
	slices.SortFunc(pairs, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) })
	return slices.Concat(pairs...)
}

// note writes a command down, and what slots it was granted.
func (d *diff) note(script *scripts.Script, args []any, reply any) {
	name := script.Name()
	d.trace = append(d.trace, fmt.Sprintf("%4d %s %v: %v", len(d.trace)+1, name, args, reply))
	d.ran[name+" "+outcomeOf(reply)]++
	if script == scripts.Semaphore().Acquire {
		d.slots[args[0].(string)] = grantedSlots(reply)
	}
}

// grantedSlots are the slots that an acquire was granted, "" when it was refused.
func grantedSlots(reply any) string {
	text, _ := reply.(string)
	slots, _, _ := strings.Cut(text, " ")
	return slots
}

// outcomeOf is the kind of a reply.
func outcomeOf(reply any) string {
	switch r := reply.(type) {
	case string:
		if grantedSlots(r) != "" {
			return "granted"
		}
		return "refused"
	case []any:
		if len(r) > 0 {
			return "granted"
		}
		return "refused"
	default:
		return fmt.Sprint(r)
	}
}

// outlive waits until what was just granted for a short lifetime is gone.
func (d *diff) outlive(lifetime int64, reply any, check *scripts.Script, keys []any, args ...any) {
	if granted := outcomeOf(reply); lifetime == 1 && (granted == "1" || granted == "2" || granted == "granted") {
		d.awaitEnd(check, keys, args...)
	}
}

// awaitEnd waits until a lease of 1ms is gone, by the word of each node: that of
// the fake goes by this process's clock.
func (d *diff) awaitEnd(check *scripts.Script, keys []any, args ...any) {
	call := driver.NewCall(check, keys, args...)
	for start := time.Now(); d.eval(d.server, &call) != int64(-1); {
		require.Less(d.t, time.Since(start), 10*time.Second, "%v does not end", args)
		time.Sleep(time.Millisecond)
	}
	time.Sleep(2 * time.Millisecond)
}
