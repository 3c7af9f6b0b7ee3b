package holdfast

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	// slowWait is how long a call waits before the log reports it.
	slowWait = time.Second

	// nodeErrorsEvery is how often the log reports the errors of one node, and
	// failedRenewalsEvery extensions that fail. When a node is away, each of
	// thousands of leases meets it.
	nodeErrorsEvery     = 10 * time.Second
	failedRenewalsEvery = time.Second
)

// LogHooks writes to logger, or to [slog.Default] if it is nil, what an operator should
// see, and not every lock:
//
//   - a call that has waited for a second, at Warn, while it waits. Another line says how
//     that ended, at Info if it got the lock, at Warn if not. With [HolderHooks] both say
//     who held it.
//   - an extension that failed, at Warn, at most one a second.
//   - a lock that was lost, at Error.
//   - an error of a node, at Warn, at most one every ten seconds for each node.
//
// Where lines are left out, the next one says how many, as "omitted". A lock is its "kind"
// and "name", and "count" unless that is 1. No token is written: what a server repeats of
// a command's arguments is cut out of the error's text. The handler is called by the hooks'
// goroutines: see [Hooks] for what happens while it blocks.
func LogHooks(logger *slog.Logger) *Hooks {
	if logger == nil {
		logger = slog.Default()
	}
	l := &logHooks{Logger: logger, renewals: limit{every: failedRenewalsEvery}, nodes: make(map[int]*limit)}
	return JoinHooks(waitHooks(slowWait, l.waiting), &Hooks{
		AcquireDone: l.acquireDone,
		Extended:    l.extended,
		Lost:        l.lost,
		NodeError:   l.nodeError,
	})
}

type logHooks struct {
	*slog.Logger

	mu       sync.Mutex
	renewals limit
	nodes    map[int]*limit // by number
}

// waiting reports a call that still waits.
func (h *logHooks) waiting(ctx context.Context, l Lock) {
	h.log(ctx, slog.LevelWarn, "waiting for a lock", l, slog.Duration("waited", slowWait), heldBy(ctx))
}

func (h *logHooks) acquireDone(ctx context.Context, l Lock, a Acquired) {
	if a.Waited < slowWait {
		return
	}
	how := []slog.Attr{slog.Duration("waited", a.Waited), slog.Int("tries", a.Tries), slog.Bool("passed", a.Passed), heldBy(ctx)}
	if a.Err != nil {
		h.log(ctx, slog.LevelWarn, "lock not acquired after a wait", l, append(how, because(a.Err))...)
		return
	}
	h.log(ctx, slog.LevelInfo, "lock acquired after a wait", l, how...)
}

func (h *logHooks) extended(ctx context.Context, l Lock, err error) {
	if err == nil {
		return
	}
	if omitted, due := h.due(&h.renewals); due {
		h.log(ctx, slog.LevelWarn, "lock not extended", l, because(err), omitted)
	}
}

func (h *logHooks) lost(l Lock, cause error) {
	h.log(context.Background(), slog.LevelError, "lock lost", l, because(cause))
}

func (h *logHooks) nodeError(l Lock, node int, err error) {
	if omitted, due := h.due(h.node(node)); due {
		h.log(context.Background(), slog.LevelWarn, "error of a node", l, slog.Int("node", node), because(err), omitted)
	}
}

// node is the limit for one node's lines.
func (h *logHooks) node(n int) *limit {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.nodes[n] == nil {
		h.nodes[n] = &limit{every: nodeErrorsEvery}
	}
	return h.nodes[n]
}

// due asks a limit whether a line may be written, and says how many were not.
func (h *logHooks) due(of *limit) (omitted slog.Attr, due bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, due := of.due(time.Now())
	if n == 0 {
		return slog.Attr{}, due
	}
	return slog.Int("omitted", n), due
}

// log writes a line. Handlers leave out an attribute that is the zero value.
func (h *logHooks) log(ctx context.Context, level slog.Level, text string, l Lock, more ...slog.Attr) {
	of := []slog.Attr{slog.String("kind", l.Kind), slog.String("name", l.Name)}
	if l.Count != 1 {
		of = append(of, slog.Int("count", l.Count))
	}
	h.LogAttrs(ctx, level, text, append(of, more...)...)
}

func heldBy(ctx context.Context) slog.Attr {
	if owner := Holder(ctx); owner != "" {
		return slog.String("holder", owner)
	}
	return slog.Attr{}
}

// repeats begins what a Redis server adds to the error for a command that it does not
// know: the command's first arguments, among which a token may be.
const repeats = ", with args beginning with:"

// because leaves out all that follows, as an argument may look like anything.
func because(err error) slog.Attr {
	text, _, _ := strings.Cut(err.Error(), repeats)
	return slog.String("err", text)
}

// limit lets one line through in a time.
type limit struct {
	every   time.Duration
	last    time.Time
	omitted int
}

// due reports whether a line may be written now, and how many were left out before.
func (l *limit) due(now time.Time) (omitted int, due bool) {
	if !l.last.IsZero() && now.Sub(l.last) < l.every {
		l.omitted++
		return 0, false
	}
	omitted, l.last, l.omitted = l.omitted, now, 0
	return omitted, true
}
