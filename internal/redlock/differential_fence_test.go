package redlock

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// The same for locks that number their holds. Counters begin alike on both, as the
// clocks do not. The server's is read after each command.
func TestFakeNodeCountsAsAServerDoes(t *testing.T) {
	node := redistest.StartOne(t)
	ran := make(map[string]int)
	for _, seed := range chosenSeeds(t) {
		for _, p := range []*Protocol{testProtocol.Fenced, writeProtocol.Fenced} {
			require.NoError(t, countBoth(t, node, p, seed, ran, func(*fakeNode) {}))
		}
	}
	t.Logf("script and reply, and how often: %v", ran)
	for script := range fencedScripts {
		require.Positive(t, ran[script.Name()+" yes"], script.Name())
		require.Positive(t, ran[script.Name()+" no"], script.Name())
	}
}

// The test of the test: a fake that writes no number back.
func TestFakeNodeGoesRedWhenItDoesNotWriteBack(t *testing.T) {
	err := countBoth(t, redistest.StartOne(t), testProtocol.Fenced, 0, make(map[string]int),
		func(f *fakeNode) { f.perGrant = true })
	require.Error(t, err)
}

// countBoth sends random commands to a fake node and to a server.
func countBoth(t *testing.T, node *redistest.Node, p *Protocol, seed uint64, ran map[string]int, change func(*fakeNode)) error {
	d := newDiff(t, node, seed)
	change(d.fake)
	name := redistest.Name(t) + fmt.Sprint(seed)
	c := DefaultConfig()
	c.Fencing = true
	plain := *p
	plain.Fence, plain.Fenced = nil, p
	s := d.engineless().NewSpec(&plain, name, c)
	counter := s.keys[len(s.keys)-1]
	t.Cleanup(func() { node.Do(t, append([]any{"DEL"}, s.lineKeys...)...) })
	node.Do(t, "SET", counter, int64(large), "PX", 600_000)
	d.fake.setCounter(counter.(string), large)

	for len(d.trace) < commands && d.differ == nil {
		script, keys, args := d.fencedCommand(s)
		reply := d.send(script, keys, args...)
		outcome := " yes"
		if reply == int64(0) || reply == int64(-1) {
			outcome = " no"
		}
		ran[script.Name()+outcome]++
		d.fake.mu.Lock()
		have := d.fake.counter(counter.(string))
		d.fake.mu.Unlock()
		if got := node.Do(t, "GET", counter); got != fmt.Sprint(have) && d.differ == nil {
			d.differ = fmt.Errorf("the fake counts %d and the server %v:\n%s", have, got, strings.Join(d.trace, "\n"))
		}
	}
	return d.differ
}

// engineless is an engine whose nodes are never asked.
func (d *diff) engineless() *Engine { return New(d.fake) }

// fencedCommand is one of those of a protocol that numbers its holds.
func (d *diff) fencedCommand(s *Spec) (*scripts.Script, []any, []any) {
	p, token := s.protocol, d.contender()
	number := large + d.random.Int64N(300)
	carrying := []any{token, d.minutes(), pick(d.random, int64(0), number, number)}
	scriptsOf := []*scripts.Script{p.Acquire, p.Acquire, p.Extend, p.Release, p.Release, p.Repair, p.Pass, p.Fence, p.Revive}
	switch script := pick(d.random, slices.DeleteFunc(scriptsOf, func(s *scripts.Script) bool { return s == nil })...); script {
	case p.Acquire, p.Repair:
		args := append([]any{token, d.minutes(), d.place(), d.minutes()}, d.replaceable(token)...)
		if script == p.Repair {
			args[2] = ""
			return script, s.lineKeys, append(args, carrying[2])
		}
		args = append(args, 1+d.random.Int64N(3))
		return script, s.lineKeys, args
	case p.Release:
		return script, s.lineKeys, []any{token, "", int64(0)}
	case p.Pass:
		return script, s.lineKeys, []any{token, d.minutes(), 1 + d.random.Int64N(3)}
	default:
		return script, s.keys, carrying
	}
}
