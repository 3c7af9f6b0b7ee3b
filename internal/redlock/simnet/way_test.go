package simnet

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/faketime"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/scripts"
)

// world is a way to a node through a network, on fake time.
type world struct {
	*testing.T
	net  *Network
	node *Node
	way  *Way
	seen [Faults]atomic.Int64
}

// inWorld runs a test in a world with these odds.
func inWorld(t *testing.T, odds Odds, test func(w *world)) {
	t.Helper()
	faketime.Run(t, func(t *testing.T) {
		w := &world{T: t, node: NewNode(0)}
		w.net = &Network{
			Expiry: time.Second, Bound: 100 * ms, Odds: odds,
			Meet: func(f Fault) { w.seen[f].Add(1) },
			Note: func(string, ...any) {},
		}
		w.way = NewWay(w.net, w.node, 0, true, rand.New(rand.NewPCG(1, 2)))
		test(w)
		time.Sleep(time.Hour) // what still runs then fails the test
	})
}

// met are the faults that were met, and how often.
func (w *world) met() map[Fault]int {
	met := make(map[Fault]int)
	for f := range Faults {
		if n := w.seen[f].Load(); n > 0 {
			met[f] = int(n)
		}
	}
	return met
}

// acquire is a call that takes the lock for a minute.
func acquire(token string) *driver.Call {
	call := driver.NewCall(scripts.Mutex().Acquire, []any{"name"}, token, int64(60_000), "", int64(0))
	return &call
}

// eval sends a call by a pool, for as long as a bound.
func (w *world) eval(call *driver.Call) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), w.net.Bound)
	defer cancel()
	return w.way.Eval(ctx, call)
}

// A fault happens to every call where its odds are so, is counted, and leaves on the node
// what it must leave.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		odds   Odds
		met    Fault
		fails  bool
		holder string
	}{
		"slow":           {Odds{Slow: 1000}, Slow, false, "a"},
		"late":           {Odds{Late: 1000}, Late, true, "a"},
		"request lost":   {Odds{Request: 1000}, NoRequest, true, ""},
		"reply lost":     {Odds{Reply: 1000}, NoReply, true, "a"},
		"run twice":      {Odds{Twice: 1000}, Twice, false, "second"},
		"nothing at all": {Odds{}, Faults, false, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, c.odds, func(w *world) {
				w.net.Wrong.Script = func(n *fakenode.Node, call *driver.Call) {
					if _, there := n.Live("name"); there {
						delete(n.Keys, "name")
						*call = *acquire("second")
					}
				}
				start := time.Now()
				reply, err := w.eval(acquire("a"))
				require.Equal(w, c.fails, err != nil, "%v, %v", reply, err)
				require.LessOrEqual(w, time.Since(start), w.net.Bound)
				time.Sleep(10 * time.Second)
				require.Equal(w, c.holder, w.node.Holder("name"))
				for f := range Faults {
					require.Equal(w, f == c.met, w.met()[f] > 0, "%v", f)
				}
			})
		})
	}
}

// In a quiet network nothing of that happens.
func TestQuiet(t *testing.T) {
	inWorld(t, Odds{Request: 1000}, func(w *world) {
		w.net.Quiet.Store(true)
		reply, err := w.eval(acquire("a"))
		require.NoError(w, err)
		require.Equal(w, int64(1), reply)
		require.Empty(w, w.met())
	})
}

// A node that has stopped runs what has arrived once it goes on.
func TestStoppedNode(t *testing.T) {
	inWorld(t, Odds{}, func(w *world) {
		w.node.Stop()
		_, err := w.eval(acquire("a"))
		require.ErrorIs(w, err, context.DeadlineExceeded)
		require.Empty(w, w.node.Holder("name"))
		w.node.GoOn()
		synctest.Wait()
		require.Equal(w, "a", w.node.Holder("name"))
		require.Equal(w, map[Fault]int{Stopped: 1}, w.met())
	})
}

// What was under way to a node that is killed is lost, also where it is back at once. Its
// subscriptions end, and it refuses others while it is away.
func TestKilledNode(t *testing.T) {
	inWorld(t, Odds{}, func(w *world) {
		w.node.NoSubscriptions = false
		s, err := w.way.Subscribe(context.Background(), "channel")
		require.NoError(w, err)
		failed := make(chan error, 1)
		go func() { _, err := w.eval(acquire("a")); failed <- err }()
		synctest.Wait() // the call is under way
		w.node.Kill()
		_, err = s.Receive()
		require.Error(w, err)
		_, err = w.way.Subscribe(context.Background(), "channel")
		require.ErrorIs(w, err, ErrBroken)
		w.node.ComeBack()
		require.ErrorIs(w, <-failed, ErrBroken)
		require.Empty(w, w.node.Holder("name"))
		w.node.Kill()
		_, err = w.eval(acquire("a"))
		require.ErrorIs(w, err, ErrBroken)
		require.Equal(w, map[Fault]int{Refused: 1}, w.met())
	})
}

// A connection dies with its node, and says that nothing was sent.
func TestConnectionDiesWithItsNode(t *testing.T) {
	inWorld(t, Odds{}, func(w *world) {
		d := Driver(w.way, Dial).(driver.Dialer)
		c, err := d.Dial(context.Background(), "")
		require.NoError(w, err)
		two := []*driver.Call{acquire("a"), acquire("b")}
		r := c.(driver.Batcher).EvalBatch(context.Background(), two)
		require.Equal(w, []driver.Reply{{Value: int64(1)}, {Value: int64(0)}}, r)
		w.node.Kill()
		_, err = d.Dial(context.Background(), "")
		require.ErrorIs(w, err, ErrBroken)
		w.node.ComeBack()
		for _, r := range c.(driver.Batcher).EvalBatch(context.Background(), two) {
			require.ErrorIs(w, r.Err, driver.ErrNotSent)
		}
		require.Equal(w, map[Fault]int{Refused: 1, Dead: 1}, w.met())
		require.NoError(w, c.Close())
	})
}

// A request that waits on a connection ends when that is closed.
func TestClosedConnection(t *testing.T) {
	inWorld(t, Odds{}, func(w *world) {
		c, err := Driver(w.way, Dial).(driver.Dialer).Dial(context.Background(), "")
		require.NoError(w, err)
		w.node.Stop()
		failed := make(chan error, 1)
		go func() { _, err := c.Eval(context.Background(), acquire("a")); failed <- err }()
		time.Sleep(time.Second)
		require.NoError(w, c.Close())
		require.ErrorIs(w, <-failed, ErrBroken)
		w.node.GoOn()
	})
}

// A node that stands still greets no client. A client gives up later than a call does.
func TestDialToAStoppedNode(t *testing.T) {
	inWorld(t, Odds{}, func(w *world) {
		d := Driver(w.way, Dial).(driver.Dialer)
		w.node.Stop()
		start := time.Now()
		_, err := d.Dial(context.Background(), "")
		require.ErrorIs(w, err, ErrBroken)
		require.Greater(w, time.Since(start), 3*w.net.Bound)
		time.AfterFunc(2*w.net.Bound, w.node.GoOn)
		_, err = d.Dial(context.Background(), "")
		require.NoError(w, err)
	})
}

// Most ways of a far node take longer, there and back, and answer within a bound.
func TestFarWays(t *testing.T) {
	inWorld(t, Odds{}, func(w *world) {
		const ways = 300
		var there, back time.Duration
		for i := range uint64(ways) {
			way := NewWay(w.net, w.node, 0, true, rand.New(rand.NewPCG(i, 0)))
			way.GoFar()
			start := time.Now()
			_, err := way.Eval(context.Background(), acquire("a"))
			require.NoError(w, err)
			took := time.Since(start)
			require.InDelta(w, way.there+way.back, took, float64(4*ms+2))
			require.Less(w, took, w.net.Bound)
			there, back = there+way.there, back+way.back
		}
		require.Greater(w, there, ways*w.net.Bound/10)
		require.Greater(w, back, ways*w.net.Bound/10)
		require.Greater(w, w.met()[Far], ways/3)
	})
}

// Half of a batch may be answered when its connection breaks. All of it was run.
func TestHalfOfABatch(t *testing.T) {
	inWorld(t, Odds{Reply: 1000}, func(w *world) {
		b := Driver(w.way, Batch).(driver.Batcher)
		for w.met()[Half] == 0 {
			require.Less(w, w.met()[NoReply], 100)
			w.node.Restart()
			ctx, cancel := context.WithTimeout(context.Background(), w.net.Bound)
			r := b.EvalBatch(ctx, []*driver.Call{acquire("a"), acquire("b")})
			cancel()
			require.Error(w, r[1].Err)
			require.Equal(w, w.met()[Half] > 0, r[0].Err == nil)
			require.Equal(w, "a", w.node.Holder("name"))
		}
	})
}

// A lifetime lasts as long as the node's clock has it.
func TestFastClock(t *testing.T) {
	inWorld(t, Odds{}, func(w *world) {
		w.node.Rate = 0.5
		_, err := w.eval(acquire("a"))
		require.NoError(w, err)
		time.Sleep(29 * time.Second)
		require.Equal(w, "a", w.node.Holder("name"))
		time.Sleep(time.Second)
		require.Empty(w, w.node.Holder("name"))
		require.Equal(w, map[Fault]int{Clock: 1}, w.met())
	})
}

// What a driver has sent may have run, also where it says that nothing was sent.
func TestWrongUnsent(t *testing.T) {
	inWorld(t, Odds{Reply: 1000}, func(w *world) {
		w.net.Wrong.Unsent = true
		outcomes := make(map[bool]bool) // a connection that breaks, and no answer in time
		for range 30 {
			w.node.Restart()
			start := time.Now()
			_, err := w.eval(acquire("a"))
			require.ErrorIs(w, err, driver.ErrNotSent)
			require.Equal(w, "a", w.node.Holder("name"))
			outcomes[time.Since(start) < w.net.Bound] = true
		}
		require.Len(w, outcomes, 2)
	})
}

// Only the first release of a token arrives.
func TestWrongOnce(t *testing.T) {
	inWorld(t, Odds{}, func(w *world) {
		w.net.Wrong.Once = true
		release := driver.NewCall(scripts.Mutex().Release, []any{"name"}, "a")
		w.node.Put("name", "a", time.Hour)
		_, err := w.eval(&release)
		require.NoError(w, err)
		w.node.Put("name", "a", time.Hour)
		_, err = w.eval(&release)
		require.Error(w, err)
		require.Equal(w, "a", w.node.Holder("name"))
	})
}

// Lifetimes are shorter than by the clock.
func TestWrongEarly(t *testing.T) {
	inWorld(t, Odds{Slow: 1000}, func(w *world) {
		w.net.Wrong.Early = true
		start := time.Now()
		_, err := w.eval(acquire("a"))
		require.NoError(w, err)
		key, _ := w.node.Live("name")
		require.LessOrEqual(w, key.Ends.Sub(start), time.Minute)
	})
}
