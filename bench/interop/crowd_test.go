package interop

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

const (
	membersEach  = 2    // processes of each library on each client library
	sectionsEach = 12   // sections each goroutine goes through at least
	sectionsMost = 1200 // for a crowd in which one family is never let in
	sectionTakes = 300 * time.Microsecond
)

func caseName(nodes int, rest ...string) string {
	name := fmt.Sprintf("nodes=%d", nodes)
	for _, part := range rest {
		name += "/" + part
	}
	return name
}

// ledger is what the crowd writes to inside the lock, and nowhere else. Its
// counter is read and written back in two steps, so that two visitors at a time
// lose an addition. (The steps are atomic by themselves, which changes nothing
// about that, and leaves the race detector to find races that nobody intended.)
type ledger struct {
	inside  atomic.Int32
	most    atomic.Int32 // ever inside at once
	counter atomic.Int64

	mu    sync.Mutex
	order []string // who came in, section by section
}

func (l *ledger) visit(who string) {
	defer l.inside.Add(-1)
	if now := l.inside.Add(1); now > l.most.Load() {
		l.most.Store(now)
	}
	counted := l.counter.Load()
	time.Sleep(sectionTakes)
	l.counter.Store(counted + 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.order = append(l.order, who)
}

// mixed reports that the lock has gone from each family to the other.
func (l *ledger) mixed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.handovers("holdfast", "redsync") > 0 && l.handovers("redsync", "holdfast") > 0
}

// handovers counts how often the lock went from one family to the other.
func (l *ledger) handovers(from, to string) (n int) {
	for i := 1; i < len(l.order); i++ {
		if l.order[i-1] == from && l.order[i] == to {
			n++
		}
	}
	return n
}

// Clients of both libraries, each in a process of its own, use one lock.
func TestMixedCrowd(t *testing.T) {
	for _, n := range []int{1, 3, 5} {
		t.Run(caseName(n), func(t *testing.T) {
			nodes := redistest.Start(t, n)
			name := redistest.Name(t)
			c := crowd{t: t}
			for _, family := range []struct {
				name      string
				libraries []library
			}{{"holdfast", ours()}, {"redsync", theirs()}} {
				for _, lib := range family.libraries {
					for range membersEach {
						c.join(family.name, lib.start(t, nodes).mutex(name, crowded))
					}
				}
			}
			c.requireExclusion()
		})
	}
}

// Goroutines that share one Holdfast mutex, and so wait in line in their
// process, do not keep redsync's processes out, nor are they kept out by them.
func TestSharedMutexInMixedCrowd(t *testing.T) {
	for _, n := range []int{1, 3} {
		for i, our := range ours() {
			t.Run(caseName(n, our.name), func(t *testing.T) {
				nodes := redistest.Start(t, n)
				name := redistest.Name(t)
				shared := our.start(t, nodes).mutex(name, crowded)
				c := crowd{t: t}
				for range 2 * membersEach {
					c.join("holdfast", shared)
					c.join("redsync", theirs()[i%len(theirs())].start(t, nodes).mutex(name, crowded))
				}
				c.requireExclusion()
			})
		}
	}
}

// crowded has everybody wait until it is his turn. The expiry gives each call 3 s, which a
// loaded machine may need.
var crowded = settings{tries: 100_000, delay: brisk, expiry: time.Minute}

// crowd is goroutines that want the same lock.
type crowd struct {
	t       *testing.T
	members []func(*ledger)
}

// join adds a goroutine with its mutex, which others may share. It goes on until both
// families have been let in after the other: the first may be through with all that each
// has to do before the second's first poll.
func (c *crowd) join(family string, m lock) {
	c.members = append(c.members, func(l *ledger) {
		for i := 0; i < sectionsEach || i < sectionsMost && !l.mixed(); i++ {
			if !assert.NoError(c.t, m.Lock()) {
				return
			}
			l.visit(family)
			ok, err := m.Unlock()
			if !assert.True(c.t, ok, "unlock: %v", err) {
				return
			}
		}
	})
}

// requireExclusion sends all members in at once.
func (c *crowd) requireExclusion() {
	var l ledger
	var all sync.WaitGroup
	for _, member := range c.members {
		all.Go(func() { member(&l) })
	}
	all.Wait()
	require.EqualValues(c.t, 1, l.most.Load(), "inside at once")
	require.GreaterOrEqual(c.t, len(l.order), len(c.members)*sectionsEach, "sections")
	require.EqualValues(c.t, len(l.order), l.counter.Load(), "additions that were not lost")
	require.Positive(c.t, l.handovers("holdfast", "redsync"), "redsync gets in after Holdfast")
	require.Positive(c.t, l.handovers("redsync", "holdfast"), "Holdfast gets in after redsync")
}
