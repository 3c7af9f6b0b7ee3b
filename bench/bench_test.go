package bench

import (
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/internal/leaktest"
)

func TestMain(m *testing.M) {
	// rueidis looks again for servers it has lost, after a sleep of up to a
	// second that closing the client does not end.
	leaktest.Main(m, goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"))
}

// start returns the addresses of n nodes. They are processes of their own in any
// case: an embedded server would be measured with its clients.
func start(tb testing.TB, n int) []string {
	tb.Helper()
	started, err := nodes.Start(n)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { nodes.StopAll(started) })
	return nodes.Addrs(started)
}

// BenchmarkUncontended is one goroutine that locks and unlocks one name again and
// again.
func BenchmarkUncontended(b *testing.B) {
	for _, n := range []int{1, 3, 5} {
		addrs := start(b, n)
		for _, contestant := range line(n) {
			b.Run(caseName(n, contestant), func(b *testing.B) { uncontended(b, contestant, addrs) })
		}
	}
}

func uncontended(b *testing.B, contestant contestants.Contestant, addrs []string) {
	session, err := contestant.Open(addrs)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	b.ReportAllocs()
	for b.Loop() {
		if err := session.Pair(); err != nil {
			b.Fatal(err)
		}
	}
}

// line lists who can run on n nodes.
func line(n int) []contestants.Contestant {
	var entrants []contestants.Contestant
	if n == 1 {
		entrants = append(contestants.Floors(), contestants.Singles()...)
	}
	for _, quorum := range contestants.Quorums() {
		entrants = append(entrants, quorum.Contestant)
	}
	return entrants
}

// caseName is a name in benchstat's key=value form.
func caseName(n int, contestant contestants.Contestant) string {
	name := fmt.Sprintf("nodes=%d/lock=%s/client=%s", n, contestant.Library, contestant.Client)
	if contestant.Note != "" {
		name += "/note=" + contestant.Note
	}
	return strings.ReplaceAll(name, " ", "-")
}

// The benchmarks run nowhere but by hand: this keeps them working.
func TestUncontendedRunsOnce(t *testing.T) {
	for _, n := range []int{1, 3} {
		addrs := start(t, n)
		for _, contestant := range line(n) {
			t.Run(caseName(n, contestant), func(t *testing.T) {
				session, err := contestant.Open(addrs)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = session.Close() }()
				if err := session.Pair(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}
