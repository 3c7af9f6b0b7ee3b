package outbox

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/alloctest"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
	"github.com/holdfast-go/holdfast/scripts"
)

// quick answers at once.
type quick struct{}

var reply any = int64(1)

func (quick) Eval(context.Context, *driver.Call) (any, error) { return reply, nil }

func (q quick) EvalBounded(ctx context.Context, call *driver.Call) (any, bool, error) {
	v, err := q.Eval(ctx, call)
	return v, true, err
}

// trip takes 50 µs, and 1 µs a call.
type trip struct{}

func (trip) Eval(context.Context, *driver.Call) (any, error) {
	time.Sleep(51 * time.Microsecond)
	return reply, nil
}

func (trip) EvalBatch(_ context.Context, calls []*driver.Call) []driver.Reply {
	time.Sleep(50*time.Microsecond + time.Duration(len(calls))*time.Microsecond)
	return make([]driver.Reply, len(calls))
}

// waiter is a caller that waits for its answer.
type waiter struct{ answered chan struct{} }

func (waiter) Late(*Request)                   {}
func (waiter) Unsent(*Request, error)          { panic("not sent") }
func (w waiter) Answered(*Request, any, error) { w.answered <- struct{}{} }

func benchCall(name string) *driver.Call {
	call := driver.NewCall(scripts.Mutex().Acquire, []any{name}, "token", int64(8000))
	return &call
}

func BenchmarkUncontended(b *testing.B) {
	call := benchCall("name")
	b.Run("driver", func(b *testing.B) {
		b.ReportAllocs()
		ctx := context.Background()
		for b.Loop() {
			_, _, _ = quick{}.EvalBounded(ctx, call)
		}
	})
	b.Run("Ask", func(b *testing.B) {
		b.ReportAllocs()
		box, to := New(quick{}, new(clock.Clock)), waiter{make(chan struct{}, 1)}
		for b.Loop() {
			r := &Request{Call: call, Class: Ordinary, Bound: time.Second, To: to}
			box.Ask(r)
			<-to.answered
		}
	})
}

// One caller allocates its request and the context of that, and nothing else.
func TestAllocationsOfAsk(t *testing.T) {
	box, to, call := New(quick{}, new(clock.Clock)), waiter{make(chan struct{}, 1)}, benchCall("name")
	got := alloctest.Least(1000, func() {
		box.Ask(&Request{Call: call, Class: Ordinary, Bound: time.Minute, To: to})
		<-to.answered
	})
	if got > 2 {
		t.Errorf("%v allocations", got)
	}
}

func BenchmarkContended(b *testing.B) {
	for _, n := range []int{64, 512} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			box := New(trip{}, new(clock.Clock))
			b.SetParallelism(max(1, n/runtime.GOMAXPROCS(0)))
			b.RunParallel(func(pb *testing.PB) {
				call, to := benchCall("name"), waiter{make(chan struct{}, 1)}
				token := fmt.Sprintf("%p", call)
				for pb.Next() {
					box.Post(&Request{Call: call, Class: Ordinary, Bound: time.Second, Token: token, To: to})
					<-to.answered
				}
			})
		})
	}
}
