package fakenode

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/internal/redlock/keyslot"
	"github.com/holdfast-go/holdfast/scripts"
)

// The same for locks that number their leases. Counters begin alike on both, as the
// clocks do not. The server's is read after each command.
func TestFakeNodeCountsAsAServerDoes(t *testing.T) {
	node := redistest.StartOne(t)
	ran := make(map[string]int)
	for _, seed := range redistest.Seeds(t, seeds) {
		for _, n := range []func(name string) numbering{numberedMutex, numberedWriter} {
			require.NoError(t, countBoth(t, node, n, seed, ran, func(*Node) {}))
		}
	}
	t.Logf("script and reply, and how often: %v", ran)
	require.Positive(t, ran["messages granted"])
	require.Positive(t, ran["messages notified"])
	for script := range fencedScripts {
		require.Positive(t, ran[script.Name()+" yes"], script.Name())
		require.Positive(t, ran[script.Name()+" no"], script.Name())
	}
}

// The test of the test: a fake that writes no number back.
func TestFakeNodeGoesRedWhenItDoesNotWriteBack(t *testing.T) {
	err := countBoth(t, redistest.StartOne(t), numberedMutex, 0, make(map[string]int),
		func(f *Node) { f.NoWriteBack = true })
	require.Error(t, err)
}

// large is a number that Lua prints as 1.7e+15 without a format.
const large = 1_700_000_000_000_000

// numbering are a lock's keys, with and without those of its line, and the scripts that it
// has where it numbers its leases.
type numbering struct {
	keys, queueKeys                                       []any
	acquire, extend, release, repair, pass, fence, revive *scripts.Script
}

func numberedMutex(name string) numbering {
	s, keys := scripts.Mutex(), []any{name, keyslot.Aux(name, "fence")}
	return numbering{
		keys, slices.Concat(keys, auxKeys(name, "line", "waiters")),
		s.AcquireFenced, s.ExtendFenced, s.Release, s.RepairFenced, s.PassFenced, s.Fence, s.ExtendOrSetFenced,
	}
}

func numberedWriter(name string) numbering {
	s, keys := scripts.RWMutex(), append(auxKeys(name, rwKinds...), keyslot.Aux(name, ":f"))
	return numbering{
		keys, keys,
		s.WriteAcquireFenced, s.WriteExtendFenced, s.WriteRelease, s.WriteRepairFenced, s.WritePassFenced, s.WriteFence, nil,
	}
}

// countBoth sends random commands to a fake node and to a server.
func countBoth(t *testing.T, node *redistest.Node, of func(name string) numbering, seed uint64, ran map[string]int, change func(*Node)) error {
	d := newDiff(t, node, seed)
	change(d.fake)
	s := of(redistest.Name(t) + fmt.Sprint(seed))
	counter := s.keys[len(s.keys)-1]
	t.Cleanup(func() { node.Do(t, append([]any{"DEL"}, s.queueKeys...)...) })
	node.Do(t, "SET", counter, int64(large), "PX", 600_000)
	d.fake.SetCounter(counter.(string), large)

	for len(d.trace) < commands && d.differ == nil {
		script, keys, args := d.fencedCommand(s)
		reply := d.send(script, keys, args...)
		outcome := " yes"
		if reply == int64(0) || reply == int64(-1) {
			outcome = " no"
		}
		ran[script.Name()+outcome]++
		have := d.fake.Counter(counter.(string))
		if got := node.Do(t, "GET", counter); got != fmt.Sprint(have) && d.differ == nil {
			d.differ = fmt.Errorf("the fake counts %d and the server %v:\n%s", have, got, strings.Join(d.trace, "\n"))
		}
	}
	err := d.ended()
	for _, kind := range []string{"messages granted", "messages notified"} {
		ran[kind] += d.ran[kind]
	}
	return err
}

// numberedPlace is mostly that of a waiter whose lease is to be numbered.
func (d *diff) numberedPlace() any {
	return pick(d.random, "", d.grants.toNotify("one"), any(d.grants.numberedID(0)), any(d.grants.numberedID(1)))
}

// fencedCommand is one of those of a lock that numbers its leases.
func (d *diff) fencedCommand(s numbering) (*scripts.Script, []any, []any) {
	token := d.owner()
	number := large + d.random.Int64N(300)
	carrying := []any{token, d.minutes(), pick(d.random, int64(0), number, number)}
	scriptsOf := []*scripts.Script{s.acquire, s.acquire, s.extend, s.release, s.release, s.repair, s.pass, s.fence, s.revive}
	switch script := pick(d.random, slices.DeleteFunc(scriptsOf, func(of *scripts.Script) bool { return of == nil })...); script {
	case s.acquire, s.repair:
		args := append([]any{token, d.minutes(), d.numberedPlace(), d.look()}, d.replaceable(token)...)
		if script == s.repair {
			args[2] = ""
			return script, s.queueKeys, append(args, carrying[2])
		}
		args = append(args, 1+d.random.Int64N(3))
		return script, s.queueKeys, args
	case s.release:
		return script, s.queueKeys, []any{token, pick(d.random, "", d.numberedPlace()), int64(0)}
	case s.pass:
		return script, s.queueKeys, []any{token, d.minutes(), 1 + d.random.Int64N(3)}
	default:
		return script, s.keys, carrying
	}
}
