package redlock

import (
	"context"
	"testing"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/alloctest"
)

// yesPool grants everything at once and allocates nothing.
type yesPool struct{ bounded bool }

var one any = int64(1)

func (p yesPool) Eval(context.Context, *driver.Call) (any, error) { return one, nil }

func (p yesPool) EvalBounded(context.Context, *driver.Call) (any, bool, error) {
	return one, p.bounded, nil
}

// The engine's own cost above that of the drivers, in allocations. Figures
// relative to real drivers and to other libraries are in the bench module. The
// limits leave room for what sync.Pool drops at random under the race detector.
func TestAllocationsOfLockAndUnlock(t *testing.T) {
	for _, c := range []struct {
		nodes int
		most  float64
	}{{1, 10}, {3, 17}, {5, 21}} {
		pools := make([]driver.Pool, c.nodes)
		for i := range pools {
			pools[i] = yesPool{bounded: true}
		}
		x := NewExclusive(New(pools...).NewSpec(testProtocol, "name", DefaultConfig()))
		ctx := context.Background()
		got := alloctest.Least(1000, func() {
			if x.Lock(ctx) != nil {
				t.Fatal("not locked")
			}
			if ok, _ := x.Unlock(ctx); !ok && c.nodes == 1 {
				t.Fatal("not unlocked")
			}
		})
		t.Logf("%d nodes: %v allocations", c.nodes, got)
		if got > c.most {
			t.Errorf("%d nodes: %v allocations a Lock and Unlock, at most %v wanted", c.nodes, got, c.most)
		}
	}
}

func BenchmarkUncontended(b *testing.B) {
	for _, bounded := range []bool{true, false} {
		x := NewExclusive(New(yesPool{bounded}).NewSpec(testProtocol, "name", DefaultConfig()))
		ctx := context.Background()
		b.Run(map[bool]string{true: "Inline", false: "Goroutine"}[bounded], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Lock(ctx)
				x.Unlock(ctx)
			}
		})
	}
}
