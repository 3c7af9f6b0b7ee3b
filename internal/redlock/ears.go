package redlock

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

const (
	// linger is how long subscriptions stay open after the last waiter has gone,
	// so that a lock in steady use does not open them anew all the time.
	linger = 200 * time.Millisecond

	// A subscription that could not be opened, or broke, is tried again after a
	// pause that grows between these.
	leastPause = 50 * time.Millisecond
	mostPause  = 5 * time.Second
)

// ears hear what releases tell the waiters of one engine: on every node one
// subscription to one channel, whatever the number of locks, which is there only
// while somebody waits. Nothing rests on it but speed: what is not heard, because
// a driver can not subscribe, a permission is missing or a connection broke, is
// found out by the next look.
type ears struct {
	nodes   []*node
	name    sync.Once
	channel string
	made    atomic.Uint64 // waiters
	born    time.Time     // the first tick of looks

	open atomic.Bool // copy of stop != nil

	mu      sync.Mutex
	waiters map[string]*waiter
	stop    context.CancelFunc // ends the subscriptions; nil while there are none
	idle    *time.Timer        // runs while there is no waiter
}

// waiter is a call in line. Messages to it ring its bell.
type waiter struct {
	id     string
	suffix string
	bell   chan struct{} // nil before the first call that really waits; made under mu

	mu    sync.Mutex
	heard map[int]bool // nodes that have told it, since its last try; nil before the first
	lone  int          // wakes by a minority since a majority's
}

// newWaiter makes a waiter whose id is CHANNEL|NUMBER and the suffix: see
// line_prelude.lua.
func (e *ears) newWaiter(suffix string) *waiter {
	e.name.Do(func() {
		var bits [16]byte
		_, _ = rand.Read(bits[:]) // never fails: see crypto/rand
		e.channel = "holdfast:" + base64.RawURLEncoding.EncodeToString(bits[:])
		e.born = time.Now()
	})
	id := e.channel + "|" + strconv.FormatUint(e.made.Add(1), 36) + suffix
	return &waiter{id: id, suffix: suffix}
}

// listening reports whether there are subscriptions, so that a first try may be
// answered by a message already.
func (e *ears) listening() bool { return e.open.Load() }

// joinLate is join for a waiter that is in line already. A release may have told it
// before anybody listened for it, so it looks again: at once where a subscription is
// open, else as soon as it is.
func (e *ears) joinLate(w *waiter) {
	e.join(w)
	for _, n := range e.nodes {
		if n.hears.Load() > 0 {
			w.ring(n)
		}
	}
}

// join lets w be told, and opens the subscriptions if it is the first.
func (e *ears) join(w *waiter) {
	w.makeBell()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.waiters == nil {
		e.waiters = make(map[string]*waiter)
	}
	e.waiters[w.id] = w
	if e.idle != nil {
		e.idle.Stop()
		e.idle = nil
	}
	if e.stop != nil {
		return
	}
	var ctx context.Context
	ctx, e.stop = context.WithCancel(context.Background())
	e.open.Store(true)
	for _, n := range e.nodes {
		if s, ok := n.pool.(driver.Subscriber); ok {
			go e.listen(ctx, n, s)
		}
	}
}

func (w *waiter) makeBell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bell == nil {
		w.bell = make(chan struct{}, 1)
	}
}

// leave ends w's wait. The subscriptions end a little after the last one's.
func (e *ears) leave(w *waiter) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.waiters, w.id)
	if len(e.waiters) == 0 && e.idle == nil {
		e.idle = time.AfterFunc(linger, e.close)
	}
}

// close ends the subscriptions, unless a waiter has come meanwhile.
func (e *ears) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiters) > 0 || e.stop == nil {
		return
	}
	e.stop()
	e.stop, e.idle = nil, nil
	e.open.Store(false)
}

// listen keeps one node's subscription until ctx ends.
func (e *ears) listen(ctx context.Context, n *node, s driver.Subscriber) {
	for pause := leastPause; ctx.Err() == nil; pause = min(2*pause, mostPause) {
		switch subscribed, err := e.hear(ctx, n, s); {
		case subscribed:
			pause = leastPause
		case errors.Is(err, driver.ErrNoSubscribe):
			return
		case driver.IsReply(err): // a permission is missing
			pause = mostPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// hear subscribes once, passes messages on until the connection breaks or ctx
// ends, and reports whether it had subscribed, and what ended it.
func (e *ears) hear(ctx context.Context, n *node, s driver.Subscriber) (bool, error) {
	opening, cancel := context.WithTimeout(ctx, mostPause)
	sub, err := s.Subscribe(opening, e.channel)
	cancel()
	if err != nil {
		return false, err
	}
	stop := context.AfterFunc(ctx, func() { _ = sub.Close() })
	defer func() {
		if stop() {
			_ = sub.Close()
		}
	}()
	n.hears.Add(1)
	defer func() {
		n.hears.Add(-1)
		e.each((*waiter).wake) // to see that it is not told any more
	}()
	e.each(func(w *waiter) { w.ring(n) }) // of releases that went unheard before
	for {
		ids, err := sub.Receive()
		if err != nil {
			return true, err
		}
		for id := range strings.SplitSeq(ids, " ") {
			e.tell(n, id)
		}
	}
}

func (e *ears) tell(n *node, id string) {
	e.mu.Lock()
	w := e.waiters[id]
	e.mu.Unlock()
	if w != nil {
		w.ring(n)
	}
}

// each does something for every waiter. When all are rung they look once. One that is in
// line, and not its first, may then have what the first was told of: as at any look, and
// as seldom.
func (e *ears) each(do func(*waiter)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, w := range e.waiters {
		do(w)
	}
}

// ring tells the waiter that n has something for it.
func (w *waiter) ring(n *node) {
	w.mu.Lock()
	if w.heard == nil {
		w.heard = make(map[int]bool)
	}
	w.heard[n.index] = true
	w.ringBell()
	w.mu.Unlock()
}

// wake has the waiter see whether it is still told of all that could let it in.
func (w *waiter) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ringBell()
}

// ringBell wakes the waiter, if it waits. w.mu is held.
func (w *waiter) ringBell() {
	select {
	case w.bell <- struct{}{}:
	default:
	}
}

// reset forgets what was told before a try, which will find out by itself.
func (w *waiter) reset() {
	w.mu.Lock()
	clear(w.heard)
	w.mu.Unlock()
	select {
	case <-w.bell:
	default:
	}
}

// told counts the nodes that have told the waiter since its last try.
func (w *waiter) told() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.heard)
}
