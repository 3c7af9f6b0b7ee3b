// Package unmade_test calls everything that the public packages have on values that no
// constructor made, and with what is nil: each is an ErrConfig, and nothing panics but a
// Locker, with a text.
package unmade_test

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/leaktest"
	"github.com/holdfast-go/holdfast/mutex"
	"github.com/holdfast-go/holdfast/rwmutex"
	"github.com/holdfast-go/holdfast/semaphore"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// fn is what Do would run.
func fn(context.Context) error { panic("it must not run") }

// argument is the zero value of most types, among them a nil context.
func argument(of reflect.Type) reflect.Value {
	switch of {
	case reflect.TypeFor[int]():
		return reflect.ValueOf(1)
	case reflect.TypeFor[func(context.Context) error]():
		return reflect.ValueOf(fn)
	}
	return reflect.Zero(of)
}

// callAll calls every method of x and returns how many were called.
func callAll(t *testing.T, x any, text string) (calls int) {
	v := reflect.ValueOf(x)
	for i := range v.NumMethod() {
		name, method := v.Type().Method(i).Name, v.Method(i)
		var in []reflect.Value
		for at := range method.Type().NumIn() {
			in = append(in, argument(method.Type().In(at)))
		}
		calls++
		for _, out := range method.Call(in) {
			if out.Type() == reflect.TypeFor[error]() {
				require.NotNil(t, out.Interface(), name)
			}
			check(t, name, out.Interface(), text)
		}
	}
	return calls
}

// check looks at one result.
func check(t *testing.T, name string, result any, text string) {
	switch result := result.(type) {
	case error:
		require.ErrorIs(t, result, mutex.ErrConfig, name)
		require.ErrorContains(t, result, text, name)
	case sync.Locker:
		for _, call := range []func(){result.Lock, result.Unlock} {
			require.PanicsWithError(t, panicked(call).Error(), call, name)
			require.ErrorContains(t, panicked(call), text, name)
		}
	case bool:
		require.False(t, result, name)
	case string:
		require.True(t, result == "" || name == "Name", name)
	case time.Time:
		require.Zero(t, result, name)
	case <-chan struct{}:
		<-result // what is not held is lost
	}
}

func panicked(call func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	call()
	return nil
}

func TestValuesThatNoConstructorMade(t *testing.T) {
	for text, values := range map[string][]any{
		"this Mutex was not made by NewMutex":         {new(mutex.Mutex), (*mutex.Mutex)(nil)},
		"this RWMutex was not made by NewRWMutex":     {new(rwmutex.RWMutex), (*rwmutex.RWMutex)(nil)},
		"this Semaphore was not made by NewSemaphore": {new(semaphore.Semaphore), (*semaphore.Semaphore)(nil)},
		"this Permit was not acquired":                {new(semaphore.Permit), (*semaphore.Permit)(nil)},
		"this Factory was not made by New": {
			new(mutex.Factory).NewMutex("name"), (*mutex.Factory)(nil).NewMutex("name"),
			new(rwmutex.Factory).NewRWMutex("name"), (*rwmutex.Factory)(nil).NewRWMutex("name"),
			new(semaphore.Factory).NewSemaphore("name", 1), (*semaphore.Factory)(nil).NewSemaphore("name", 1),
		},
	} {
		t.Run(text, func(t *testing.T) {
			for _, v := range values {
				require.Greater(t, callAll(t, v, text), 7)
			}
		})
	}
}

// granting is a pool that grants everything and counts what it was asked.
type granting struct{ asked *atomic.Int32 }

func (g granting) Eval(context.Context, *driver.Call) (any, error) {
	g.asked.Add(1)
	return int64(1), nil
}

func TestNilIsReportedBeforeAnythingIsLocked(t *testing.T) {
	var asked atomic.Int32
	pool, ctx := granting{&asked}, context.Background()
	m := mutex.New(pool).NewMutex("name", nil)
	rw := rwmutex.New(pool).NewRWMutex("name", nil)
	s := semaphore.New(pool).NewSemaphore("name", 1, nil)
	for name, err := range map[string]error{
		"Do": m.Do(ctx, nil), "writers' Do": rw.Do(ctx, nil), "RDo": rw.RDo(ctx, nil),
		"semaphore's Do": s.Do(ctx, nil), "DoN": s.DoN(ctx, 1, nil),
	} {
		require.ErrorIs(t, err, mutex.ErrConfig, name)
		require.ErrorContains(t, err, "the function to run is nil", name)
	}
	require.Zero(t, asked.Load())
	//lint:ignore SA1012 a nil context counts as context.Background()
	require.NoError(t, m.Do(nil, func(ctx context.Context) error { return ctx.Err() }))
}
