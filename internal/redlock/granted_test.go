package redlock

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/internal/redlock/simnet"
	"github.com/holdfast-go/holdfast/scripts"
)

// granting runs a test over one node, of which a release always grants. A call takes 1ms,
// half of it on the way there.
func granting(t *testing.T, test func(b *bench)) {
	t.Helper()
	notifying(t, 1, test)
}

// granted makes an object of a process of its own, that stands for grants.
func (b *bench) granted(change func(*Config)) *Exclusive {
	e := b.elsewhere()
	e.engine.stands = func() bool { return true }
	c := DefaultConfig()
	c.SetRetryDelay(100 * time.Millisecond)
	if change != nil {
		change(&c)
	}
	return NewExclusive(e.engine.NewSpec(grantProtocol, "name", c))
}

// calls counts those that a node has run.
func (b *bench) calls() int { return len(b.nodes[0].History()) }

// looks notes when the last try by script with each token was sent.
func (b *bench) looks() func() map[string]time.Time {
	sent := make(map[string]time.Time)
	var mu sync.Mutex
	b.nodes[0].Set(func() {
		b.nodes[0].Before = func(call *driver.Call) time.Duration {
			if strings.HasPrefix(call.Name(), "mutex_acquire") {
				mu.Lock()
				defer mu.Unlock()
				sent[call.Args()[0].(string)] = time.Now()
			}
			return ms / 2
		}
	})
	return func() map[string]time.Time {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(sent)
	}
}

func eachNumbering(t *testing.T, test func(b *bench, numbers func(*Config))) {
	for _, fencing := range []bool{false, true} {
		t.Run(fmt.Sprint("fencing ", fencing), func(t *testing.T) {
			granting(t, func(b *bench) { test(b, func(c *Config) { c.Fencing = fencing }) })
		})
	}
}

func TestReleaseGrantsTheFirstInLine(t *testing.T) {
	eachNumbering(t, func(b *bench, numbers func(*Config)) {
		holder, first, second := b.granted(numbers), b.granted(numbers), b.granted(numbers)
		b.lock(holder)
		last := holder.Fence()
		looked := b.looks()
		one, two := b.lockLater(first), b.lockLater(second)
		time.Sleep(300 * ms)
		for _, step := range []struct {
			from, to *Exclusive
			got      <-chan time.Time
		}{{holder, first, one}, {first, second, two}} {
			before, start := b.calls(), time.Now()
			b.unlock(step.from)
			require.Equal(b, start.Add(ms/2), <-step.got, "the release's way there")
			require.Equal(b, before+1, b.calls(), "only the release")
			require.Equal(b, step.to.Value(), b.nodes[0].Holder("name"))
			require.Equal(b, looked()[step.to.Value()].Add(DefaultExpiry*99/100), step.to.Until(), "from its last look")
			if step.to.spec.Fencing {
				require.Greater(b, step.to.Fence(), last)
				last = step.to.Fence()
				require.Equal(b, last, b.nodes[0].Counter(fenceKey))
			}
		}
		require.Equal(b, 2, b.nodes[0].Grants)
		ok, err := second.Extend(context.Background())
		require.True(b, ok, err)
		b.unlock(second)
		b.nothingWaits()
	})
}

func TestFirstTryIsBare(t *testing.T) {
	granting(t, func(b *bench) {
		x := b.granted(nil)
		for range 3 {
			b.lock(x)
			b.unlock(x)
		}
		require.Equal(b, []string{"set", "mutex_release", "set", "mutex_release", "set", "mutex_release"}, b.nodes[0].History())
		other := b.granted(nil)
		b.lock(other)
		require.ErrorAs(b, x.TryLock(context.Background()), new(*ErrTaken))
		require.Equal(b, []string{"set", "mutex_acquire"}, b.nodes[0].History()[6:])
		b.unlock(other)
		b.lock(x)
		require.Equal(b, "mutex_acquire", b.nodes[0].History()[9], "its last one was refused")
		b.unlock(x)
		b.lock(x)
		require.Equal(b, "set", b.nodes[0].History()[11])
		b.unlock(x)
		b.nothingWaits()
	})
}

func TestHooksReportGrants(t *testing.T) {
	granting(t, func(b *bench) {
		var done []holdfast.Acquired
		hooks := func(c *Config) {
			c.SetHooks(&holdfast.Hooks{AcquireDone: func(_ context.Context, _ holdfast.Lock, a holdfast.Acquired) {
				done = append(done, a)
			}})
		}
		holder, first := b.granted(hooks), b.granted(hooks)
		b.lock(holder)
		one := b.lockLater(first)
		b.unlock(holder)
		<-one
		require.Len(b, done, 2)
		require.Equal(b, []bool{false, true}, []bool{done[0].Granted, done[1].Granted})
		require.Equal(b, []int{1, 3}, []int{done[0].Tries, done[1].Tries}, "SET, a look, and one when it listens")
		b.unlock(first)
		b.nothingWaits()
	})
}

// What a look has left that is not the last one proves nothing.
func TestGrantOfAnotherLook(t *testing.T) {
	granting(t, func(b *bench) {
		holder, first := b.granted(nil), b.granted(nil)
		b.lock(holder)
		one := b.lockLater(first)
		node := b.nodes[0]
		before := node.Ran(scripts.Mutex().Acquire)
		for _, other := range []int{-1, 1, maxLook, 5} {
			node.Set(func() {
				ticket := node.Lines["name"][0]
				node.Publish(fmt.Sprintf("%s=%d", ticket.ID, ticket.Look+other))
			})
			time.Sleep(20 * ms)
			require.Empty(b, one, "it holds beside the holder")
		}
		require.Equal(b, before+4, node.Ran(scripts.Mutex().Acquire), "a look each")
		b.unlock(holder)
		<-one
		b.unlock(first)
		b.nothingWaits()
	})
}

// A lease that was had too late is released, and its token not used again.
func TestTokenIsNotUsedAfterItsRelease(t *testing.T) {
	granting(t, func(b *bench) {
		change := func(c *Config) { c.Expiry, c.TimeoutFactor = time.Second, 3 }
		holder, first := b.granted(change), b.granted(change)
		b.lock(holder)
		one := b.lockLater(first)
		node := b.nodes[0]
		released, used := make(map[any]bool), 0
		var mu sync.Mutex
		slow := once("mutex_acquire")
		node.Set(func() {
			node.LosesMessages = true
			node.Before = func(call *driver.Call) time.Duration {
				mu.Lock()
				defer mu.Unlock()
				switch call.Name() {
				case "mutex_release":
					released[call.Args()[0]] = true
				case "mutex_acquire":
					if released[call.Args()[0]] {
						used++
					}
				}
				return ms / 2
			}
		})
		b.unlock(holder)
		node.Set(func() {
			node.After = func(call *driver.Call) time.Duration {
				if slow(call) {
					return 1500 * ms
				}
				return ms / 2
			}
		})
		<-one
		mu.Lock()
		require.Len(b, released, 2, "the holder's, and one that came too late")
		require.Zero(b, used)
		mu.Unlock()
		b.unlock(first)
		b.nothingWaits()
	})
}

func TestWhereReleasesGrant(t *testing.T) {
	_, one := fakes(1)
	_, three := fakes(3)
	require.True(t, releasesGrant(one))
	require.False(t, releasesGrant(three))
	require.False(t, releasesGrant([]driver.Pool{yesPool{}}), "it cannot listen")
	require.False(t, releasesGrant([]driver.Pool{manyServers{fakenode.New()}}), "it is a Cluster")
	stands := func(p *Protocol, change func(*Config)) bool {
		c := DefaultConfig()
		change(&c)
		return New(one...).NewSpec(p, "name", c).granting
	}
	require.True(t, stands(grantProtocol, func(*Config) {}))
	require.True(t, stands(grantProtocol, func(c *Config) { c.Fencing = true }))
	require.False(t, stands(testProtocol, func(*Config) {}))
	require.False(t, stands(grantProtocol, func(c *Config) { c.SetGenValue(func() (string, error) { return "", nil }) }))
}

// manyServers is a Cluster.
type manyServers struct{ *fakenode.Node }

func (manyServers) Lane(*driver.Call) string { return "" }

// The call of a look is not waited for by a cancelled caller, and its lease may be granted.
func TestCancelledWaiterThatIsGranted(t *testing.T) {
	for _, late := range []time.Duration{-1, 0, ms / 4, ms / 2, ms} {
		granting(t, func(b *bench) {
			holder, first, second := b.granted(nil), b.granted(nil), b.granted(nil)
			b.lock(holder)
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() { ended <- first.Lock(ctx) }()
			time.Sleep(20 * ms)
			two := b.lockLater(second)
			start := time.Now()
			go func() {
				time.Sleep(ms + late)
				cancel()
			}()
			time.Sleep(ms)
			b.unlock(holder)
			err := <-ended
			if err == nil {
				b.unlock(first)
			} else {
				require.ErrorIs(b, err, context.Canceled)
			}
			require.Less(b, (<-two).Sub(start), 6*ms, "the next one has it")
			b.unlock(second)
			b.nothingWaits()
		})
	}
}

// A message that is lost costs a look.
func TestLostGrantIsFoundByALook(t *testing.T) {
	eachNumbering(t, func(b *bench, numbers func(*Config)) {
		holder, first := b.granted(numbers), b.granted(numbers)
		b.lock(holder)
		last := holder.Fence()
		one := b.lockLater(first)
		b.nodes[0].Set(func() { b.nodes[0].LosesMessages = true })
		start := time.Now()
		b.unlock(holder)
		require.LessOrEqual(b, (<-one).Sub(start), lookEvery)
		require.Equal(b, 1, b.nodes[0].Grants)
		require.Equal(b, first.Value(), b.nodes[0].Holder("name"))
		if first.spec.Fencing {
			require.Greater(b, first.Fence(), last+1, "the look has brought a number of its own")
		}
		b.unlock(first)
		b.nothingWaits()
	})
}

// A waiter whose connection is there, but that does nothing, costs others its grant.
func TestPausedWaiterCostsItsGrant(t *testing.T) {
	for _, expiry := range []time.Duration{time.Second, DefaultExpiry, time.Minute} {
		granting(t, func(b *bench) {
			config := func(c *Config) { c.Expiry, c.Unlimited = expiry, true }
			node := b.nodes[0]
			paused, err := node.Subscribe(background, "dead")
			require.NoError(b, err)
			node.Set(func() {
				ms := min(expiry, maxGrant).Milliseconds()
				node.Lines["name"] = []fakenode.Ticket{{ID: fmt.Sprintf("dead|1|%d|its token", ms), Ends: time.Now().Add(time.Minute), Look: 1}}
			})
			holder, next := b.granted(config), b.granted(config)
			b.lock(holder)
			two := b.lockLater(next)
			start := time.Now()
			b.unlock(holder)
			require.Equal(b, "its token", node.Holder("name"))
			require.LessOrEqual(b, (<-two).Sub(start), min(expiry, maxGrant)+lookEvery+100*ms)
			require.NoError(b, paused.Close())
			b.unlock(next)
			b.nothingWaits()
		})
	}
}

// One whose connection has ended is passed by.
func TestDeadWaiterIsNotGranted(t *testing.T) {
	granting(t, func(b *bench) {
		node := b.nodes[0]
		node.Set(func() {
			node.Lines["name"] = []fakenode.Ticket{{ID: "dead|1|8000|its token", Ends: time.Now().Add(5 * time.Second), Look: 1}}
		})
		holder, next := b.granted(func(c *Config) { c.Unlimited = true }), b.granted(func(c *Config) { c.Unlimited = true })
		b.lock(holder)
		two := b.lockLater(next)
		start := time.Now()
		b.unlock(holder)
		require.Equal(b, start.Add(ms/2), <-two)
		require.Equal(b, 1, node.Grants)
		b.unlock(next)
		time.Sleep(5 * time.Second)
		b.nothingWaits()
	})
}

// Where a grant is shorter than the lease, or the look is old, the waiter looks again.
func TestGrantIsRenewedBeforeItIsRelied(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"longer lease": func(c *Config) { c.Expiry = time.Minute },
		"old look":     func(c *Config) { c.SetRetryDelay(time.Minute); c.Expiry = 2 * time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			granting(t, func(b *bench) {
				holder, first := b.granted(func(c *Config) { c.Expiry = time.Hour }), b.granted(change)
				b.lock(holder)
				one := b.lockLater(first)
				time.Sleep(700 * ms) // more than an eighth of 2 s; looks come every second
				b.nodes[0].Set(func() {})
				start, before := time.Now(), b.nodes[0].Ran(scripts.Mutex().Acquire)
				b.unlock(holder)
				require.Equal(b, start.Add(ms/2+ms), <-one, "one look more")
				require.Equal(b, 1, b.nodes[0].Grants)
				require.Equal(b, before+1, b.nodes[0].Ran(scripts.Mutex().Acquire))
				require.Greater(b, time.Until(first.Until()), first.spec.Expiry*98/100)
				b.unlock(first)
				b.nothingWaits()
			})
		})
	}
}

// A look that runs after its call has ended leaves a ticket, by which a later release grants.
func TestGrantToACallThatHasEnded(t *testing.T) {
	for name, cut := range map[string]bool{"after its look was late": false, "while its look is under way": true} {
		t.Run(name, func(t *testing.T) { granting(t, func(b *bench) { grantAfterTheEnd(b, cut) }) })
	}
}

func grantAfterTheEnd(b *bench, cut bool) {
	node := b.nodes[0]
	holder, gone := b.granted(nil), b.granted(nil)
	b.lock(holder)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- gone.Lock(ctx) }()
	time.Sleep(20 * ms)
	node.Set(func() {})
	ticket := node.Lines["name"][0]
	slow := once("mutex_acquire")
	node.Set(func() {
		node.Before = func(call *driver.Call) time.Duration {
			if slow(call) {
				return gone.spec.bound + 50*ms
			}
			return ms / 2
		}
	})
	for { // until the next look is late
		time.Sleep(10 * ms)
		if node.Inside() > 0 {
			break
		}
	}
	if !cut {
		time.Sleep(gone.spec.bound + 10*ms)
	}
	cancel()
	require.Error(b, <-ended)
	time.Sleep(time.Second) // the releases that follow a late look have gone out
	node.Set(func() {       // as if the late look had run after the last release
		ticket.Ends = time.Now().Add(time.Second)
		node.Lines["name"] = []fakenode.Ticket{ticket}
	})
	b.unlock(holder)
	require.Equal(b, 1, node.Grants)
	time.Sleep(10 * ms)
	b.nothingLeft()
	time.Sleep(5 * time.Second)
	b.nothingWaits()
}

// The subscription of a call that was cancelled ends soon, however long a call may take.
func TestCancelledCallListensForAShortTime(t *testing.T) {
	granting(t, func(b *bench) {
		day := func(c *Config) { c.Expiry = 24 * time.Hour }
		holder, gone := b.granted(day), b.granted(day)
		b.lock(holder)
		ctx, cancel := context.WithCancel(context.Background())
		ended := begins(ctx, gone.Lock)
		time.Sleep(20 * ms)
		slow := once("mutex_acquire")
		b.nodes[0].Set(func() {
			b.nodes[0].Before = func(call *driver.Call) time.Duration {
				if slow(call) {
					return time.Minute
				}
				return ms / 2
			}
		})
		time.Sleep(lookEvery)
		require.Positive(b, b.nodes[0].Inside(), "a look is late")
		cancel()
		require.Error(b, <-ended)
		require.Equal(b, 1, b.nodes[0].Subscriptions())
		time.Sleep(5 * time.Second)
		require.Zero(b, b.nodes[0].Subscriptions())
		time.Sleep(time.Minute)
		b.unlock(holder)
		b.nothingWaits()
	})
}

// Schedules over one node, where releases grant, in the simulation's bad weather.
func TestSimulatedGrants(t *testing.T) {
	for kind, name := range simKinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var counts simCounts
			n := 0
			for i := range seedsBelow(400) {
				s := simulate(t, grantSeed(kind, int(i)), &counts, simWrong{})
				if s.report(t) {
					return
				}
				n++
			}
			t.Logf("%d schedules; met: %v", n, &counts)
			require.Greater(t, counts[simnet.Granted].Load(), int64(n)/2)
		})
	}
}

// grantSeed is the i-th seed of a kind of lock over one node.
func grantSeed(kind, i int) int { return i*len(simKinds)*len(simNodes) + kind }
