package holdfast_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/internal/faketime"
)

var invoice = holdfast.Lock{Kind: "mutex", Name: "invoice:42", Count: 1}

// journal is a log that tests read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// lines are what was written since the last call, without the times.
func (j *journal) lines(t *testing.T) []map[string]any {
	j.mu.Lock()
	defer j.mu.Unlock()
	var lines []map[string]any
	for line := range strings.Lines(j.text.String()) {
		var m map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &m))
		delete(m, "time")
		lines = append(lines, m)
	}
	j.text.Reset()
	return lines
}

func (j *journal) hooks() *holdfast.Hooks {
	return holdfast.LogHooks(slog.New(slog.NewJSONHandler(j, nil)))
}

type line = map[string]any

func TestLogReportsALongWaitWhileItLasts(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		var j journal
		find := func(_ context.Context, l holdfast.Lock) string { return "pod-7 has " + l.Name }
		h := holdfast.JoinHooks(holdfast.HolderHooks(time.Second/2, find), j.hooks())

		ctx := h.AcquireStart(t.Context(), invoice)
		time.Sleep(time.Second - 1)
		synctest.Wait()
		require.Empty(t, j.lines(t))
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Equal(t, []line{{
			"level": "WARN", "msg": "waiting for a lock", "kind": "mutex", "name": "invoice:42",
			"waited": float64(time.Second), "holder": "pod-7 has invoice:42",
		}}, j.lines(t))

		time.Sleep(time.Minute)
		h.AcquireDone(ctx, invoice, holdfast.Acquired{Waited: 61 * time.Second, Tries: 9})
		require.Equal(t, []line{{
			"level": "INFO", "msg": "lock acquired after a wait", "kind": "mutex", "name": "invoice:42",
			"waited": float64(61 * time.Second), "tries": 9.0, "passed": false, "holder": "pod-7 has invoice:42",
		}}, j.lines(t))
	})
}

func TestLogReportsALongWaitThatFailed(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		var j journal
		h := j.hooks()
		ctx := h.AcquireStart(t.Context(), invoice)
		h.AcquireDone(ctx, invoice, holdfast.Acquired{Waited: 2 * time.Second, Tries: 2, Err: errors.New("taken")})
		require.Equal(t, []line{{
			"level": "WARN", "msg": "lock not acquired after a wait", "kind": "mutex", "name": "invoice:42",
			"waited": float64(2 * time.Second), "tries": 2.0, "passed": false, "err": "taken",
		}}, j.lines(t))
	})
}

func TestLogIsSilentOfAShortWait(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		var j journal
		find := func(context.Context, holdfast.Lock) string { t.Error("was asked"); return "" }
		h := holdfast.JoinHooks(holdfast.HolderHooks(time.Second/2, find), j.hooks())
		for _, err := range []error{nil, errors.New("taken")} {
			ctx := h.AcquireStart(t.Context(), invoice)
			time.Sleep(time.Second/2 - 1)
			h.AcquireDone(ctx, invoice, holdfast.Acquired{Waited: time.Second/2 - 1, Err: err})
			require.Empty(t, holdfast.Holder(ctx))
		}
		h.Extended(t.Context(), invoice, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Empty(t, j.lines(t))
	})
}

// The answer to who holds the lock may come when the wait is over.
func TestHolderIsFoundInTheCallsOwnTime(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		h := holdfast.HolderHooks(time.Second, func(ctx context.Context, _ holdfast.Lock) string {
			require.Equal(t, "v", ctx.Value(key("k")))
			<-ctx.Done()
			return "late"
		})
		ctx := h.AcquireStart(context.WithValue(t.Context(), key("k"), "v"), invoice)
		time.Sleep(time.Hour)
		require.Empty(t, holdfast.Holder(ctx))
		h.AcquireDone(ctx, invoice, holdfast.Acquired{})
		synctest.Wait()
		require.Equal(t, "late", holdfast.Holder(ctx))
	})
	require.Empty(t, holdfast.Holder(t.Context()))
}

func TestLogReportsLosses(t *testing.T) {
	var j journal
	three := holdfast.Lock{Kind: "semaphore", Name: "gpu", Count: 3}
	h := j.hooks()
	h.Lost(three, errors.New("gone"))
	h.Lost(three, errors.New("gone"))
	want := line{"level": "ERROR", "msg": "lock lost", "kind": "semaphore", "name": "gpu", "count": 3.0, "err": "gone"}
	require.Equal(t, []line{want, want}, j.lines(t))
}

func TestLogReportsFailingExtensionsOnceASecond(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		var j journal
		h := j.hooks()
		for range 11 {
			h.Extended(t.Context(), invoice, errors.New("no answer"))
			time.Sleep(time.Second / 10)
		}
		want := line{"level": "WARN", "msg": "lock not extended", "kind": "mutex", "name": "invoice:42", "err": "no answer"}
		with := line{"omitted": 9.0}
		maps.Copy(with, want)
		require.Equal(t, []line{want, with}, j.lines(t))
	})
}

func TestLogReportsEachNodeOnceInTenSeconds(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		var j journal
		h := j.hooks()
		logged := func() (said []string) {
			for node := range 2 {
				h.NodeError(invoice, node, errors.New("refused"))
			}
			for _, l := range j.lines(t) {
				require.Equal(t, "WARN", l["level"])
				said = append(said, fmt.Sprintf("%v %v %v", l["node"], l["err"], l["omitted"]))
			}
			return said
		}
		require.Equal(t, []string{"0 refused <nil>", "1 refused <nil>"}, logged())
		require.Empty(t, logged())
		time.Sleep(10*time.Second - 1)
		require.Empty(t, logged())
		time.Sleep(time.Nanosecond)
		require.Equal(t, []string{"0 refused 2", "1 refused 2"}, logged())
	})
}

// A server that does not know a command repeats its arguments.
func TestLogHasNoToken(t *testing.T) {
	var j journal
	h := j.hooks()
	err := errors.New(`node #0: ERR unknown command 'evalsha', with args beginning with: 'abc' '1' 'it's; node #1' 'f81d4fae-7dec-11d0-a765@o' '8000' `)
	h.NodeError(invoice, 0, err)
	h.Extended(t.Context(), invoice, err)
	h.Lost(invoice, err)
	h.AcquireDone(t.Context(), invoice, holdfast.Acquired{Waited: time.Hour, Err: err})
	lines := j.lines(t)
	require.Len(t, lines, 4)
	for _, l := range lines {
		require.Equal(t, "node #0: ERR unknown command 'evalsha'", l["err"])
	}
}

func TestLogHooksWriteToTheDefaultLogger(t *testing.T) {
	var j journal
	defer log.SetOutput(log.Writer()) // SetDefault changes it, and does not bring it back
	defer log.SetFlags(log.Flags())
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewJSONHandler(&j, nil)))
	holdfast.LogHooks(nil).Lost(invoice, errors.New("gone"))
	require.Len(t, j.lines(t), 1)
}
