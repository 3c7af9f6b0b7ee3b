package bench

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/semaphore"
)

// BenchmarkServerTime is how long a node works for a pair of calls, by primitive: the sum of
// its scripts and commands. It differs less from run to run than the time that callers see.
func BenchmarkServerTime(b *testing.B) {
	node, meter := startMetered(b)
	for _, p := range pairs(b, node) {
		b.Run("pair="+p.name, func(b *testing.B) {
			b.ReportMetric(serverTime(b, node, meter, p.run, b.Loop), "server-ns/op")
		})
	}
}

// serverTime runs a pair for as long as more says so, and returns the node's time for one
// in nanoseconds.
func serverTime(tb testing.TB, node *nodes.Node, meter *nodes.Meter, run func() error, more func() bool) float64 {
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	must(run()) // so that the node has the scripts
	asked, err := nodes.Asked(node, run)
	must(err)
	before, err := meter.Busy(asked)
	must(err)
	n := 0
	for more() {
		must(run())
		n++
	}
	after, err := meter.Busy(asked)
	must(err)
	return float64(after-before) / float64(n)
}

func startMetered(tb testing.TB) (*nodes.Node, *nodes.Meter) {
	started, err := nodes.Start(1)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { nodes.StopAll(started) })
	meter, err := nodes.NewMeter(started)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = meter.Close() })
	return started[0], meter
}

// pair is a lock's acquire and release.
type pair struct {
	name string
	run  func() error
}

func pairs(tb testing.TB, node *nodes.Node) []pair {
	client := redis.NewClient(&redis.Options{Addr: node.Addr()})
	tb.Cleanup(func() { _ = client.Close() })
	pool := goredis.NewPool(client)
	plain, fenced := mutex.New(pool).NewMutex("plain"), mutex.New(pool).NewMutex("fenced", mutex.WithFencing())
	rw := rwmutex.New(pool).NewRWMutex("rw")
	numbered := rwmutex.New(pool).NewRWMutex("numbered", rwmutex.WithFencing())
	permits := semaphore.New(pool).NewSemaphore("permits", 10)
	return []pair{
		{"mutex", both(plain.Lock, plain.Unlock)},
		{"mutex-fenced", both(fenced.Lock, fenced.Unlock)},
		{"writer", both(rw.Lock, rw.Unlock)},
		{"writer-fenced", both(numbered.Lock, numbered.Unlock)},
		{"reader", both(rw.RLock, rw.RUnlock)},
		{"permit", func() error {
			p, err := permits.Acquire()
			if err == nil {
				_, err = p.Release()
			}
			return err
		}},
	}
}

func both(lock func() error, unlock func() (bool, error)) func() error {
	return func() error {
		err := lock()
		if err == nil {
			_, err = unlock()
		}
		return err
	}
}

// The benchmark runs nowhere but by hand: this keeps it working.
func TestServerTimeRunsOnce(t *testing.T) {
	node, meter := startMetered(t)
	for _, p := range pairs(t, node) {
		left := 1000 // as the server counts whole microseconds
		more := func() bool { left--; return left >= 0 }
		if took := serverTime(t, node, meter, p.run, more); took < 500 {
			t.Errorf("%s: %v ns a pair, which no server is capable of", p.name, took)
		}
	}
}
