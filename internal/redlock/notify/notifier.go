// Package notify notifies each waiter of what the nodes publish for it, by one subscription
// per node that is open only while there are waiters.
//
// A Notifier has one channel, whose name is random, on every node. The id of a Waiter begins
// with the channel: scripts publish there the ids of those that they notify, with spaces
// between. A waiter counts the nodes that have notified it since it was last reset. What is
// published may also be a [Grant]: an id, "=", the number of a look, and, after a ":", its detail.
//
//	closed ── Join ──► opening ──► open ── the connection breaks ──► pause ──► opening
//	  ▲                                                                │
//	  └──────────── linger after the last Leave, from any state ───────┘
//
// What is published while a subscription is not open is missed. When one opens, all waiters
// are notified of its node, so that they ask; when it ends, all are woken, as they may have
// relied on it. Nothing rests on this package but speed: without a message, because a driver
// cannot subscribe, a permission is missing or a connection broke, a waiter finds out when
// it asks by itself.
package notify

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

// linger is how long subscriptions stay open after the last waiter has left, so that a
// lock in steady use does not open them anew all the time.
const linger = 200 * time.Millisecond

// Notifier keeps the subscriptions of one engine, whatever the number of its locks. It is
// safe for concurrent use, and has no goroutine, connection or timer while it has no
// waiters, once linger has passed.
type Notifier struct {
	subscriptions []subscription // one per node

	name    sync.Once
	channel string        // made with the first waiter
	made    atomic.Uint64 // waiters

	active atomic.Bool // copy of stop != nil

	mu      sync.Mutex
	waiters map[string]*Waiter // by id
	stop    context.CancelFunc // ends the subscriptions; nil while there are none
	idle    *time.Timer        // runs while there is no waiter
}

// New makes a Notifier for nodes, of which those are subscribed to that are a
// [driver.Subscriber].
func New(nodes ...driver.Pool) *Notifier {
	n := &Notifier{subscriptions: make([]subscription, len(nodes))}
	for i, pool := range nodes {
		subscriber, _ := pool.(driver.Subscriber)
		n.subscriptions[i].init(i, subscriber)
	}
	return n
}

// NewWaiter makes a waiter whose id is CHANNEL|NUMBER and the suffix: see
// ticket_prelude.lua. It is notified of nothing before it joins.
func (n *Notifier) NewWaiter(suffix string) *Waiter {
	n.name.Do(func() {
		var bits [16]byte
		_, _ = rand.Read(bits[:]) // never fails: see crypto/rand
		n.channel = "holdfast:" + base64.RawURLEncoding.EncodeToString(bits[:])
	})
	return &Waiter{id: n.channel + "|" + strconv.FormatUint(n.made.Add(1), 36) + suffix}
}

// Active reports whether subscriptions are open, or being opened, so that a waiter's first
// try may be answered by a message already.
func (n *Notifier) Active() bool { return n.active.Load() }

// Subscribed reports whether the subscription to a node is open.
func (n *Notifier) Subscribed(node int) bool { return n.subscriptions[node].isOpen() }

// Fails reports whether the last attempt to open the subscription to a node has failed.
func (n *Notifier) Fails(node int) bool { return n.subscriptions[node].failed.Load() }

// JoinLate is Join for a waiter that is in the nodes' line already. What was published for
// it before it joined is missed, so it is notified by every node whose subscription is open.
// The others' follow when they open.
func (n *Notifier) JoinLate(w *Waiter) {
	w.ready()
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.subscriptions {
		if n.subscriptions[i].announced > 0 {
			w.notify(i)
		}
	}
	n.join(w)
}

// Join has w notified, and opens the subscriptions if it is the first.
func (n *Notifier) Join(w *Waiter) {
	w.ready()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.join(w)
}

// join is Join with n.mu held.
func (n *Notifier) join(w *Waiter) {
	if n.waiters == nil {
		n.waiters = make(map[string]*Waiter)
	}
	n.waiters[w.id] = w
	if n.idle != nil {
		n.idle.Stop()
		n.idle = nil
	}
	if n.stop != nil {
		return
	}
	var ctx context.Context
	ctx, n.stop = context.WithCancel(context.Background())
	n.active.Store(true)
	for i := range n.subscriptions {
		if s := &n.subscriptions[i]; s.subscriber != nil {
			go s.keep(ctx, n.channel, n)
		}
	}
}

// Leave ends w's wait. The subscriptions end a little after the last one's.
func (n *Notifier) Leave(w *Waiter) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.waiters, w.id)
	if len(n.waiters) == 0 && n.idle == nil {
		n.idle = time.AfterFunc(linger, n.close)
	}
}

// close ends the subscriptions, unless a waiter has come meanwhile.
func (n *Notifier) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.waiters) > 0 || n.stop == nil {
		return
	}
	n.stop()
	n.stop, n.idle = nil, nil
	n.active.Store(false)
}

// opened implements observer: releases went unnoticed before. When all waiters are notified
// they ask once. One that is in line, and not its first, may then have what the first was
// notified of: as whenever it asks by itself, and as seldom.
func (n *Notifier) opened(node int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.subscriptions[node].announced++
	for _, w := range n.waiters {
		w.notify(node)
	}
}

// received implements observer.
func (n *Notifier) received(node int, message string) {
	if w := n.waiter(message); w != nil {
		w.notify(node)
		return
	}
	id, g, ok := parseGrant(message)
	if !ok {
		return
	}
	if w := n.waiter(id); w != nil {
		w.grant(node, g)
	}
}

// waiter is the one with an id, or nil.
func (n *Notifier) waiter(id string) *Waiter {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.waiters[id]
}

// ended implements observer: waiters have to see that they are not notified any more.
func (n *Notifier) ended(node int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.subscriptions[node].announced--
	for _, w := range n.waiters {
		w.Wake()
	}
}
