package redlock

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/driver"
)

// fakePlace is a waiter's place in a fake node's line.
type fakePlace struct {
	id   string
	ends time.Time
}

// fakeSubscription is one on a fake node.
type fakeSubscription struct {
	node     *fakeNode
	channel  string
	messages chan string
	broken   chan struct{}
}

var (
	errDeaf   = errors.New("fake: no subscriptions")
	errBroken = errors.New("fake: subscription broke")
)

// Subscribe implements driver.Subscriber.
func (f *fakeNode) Subscribe(_ context.Context, channel string) (driver.Subscription, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.deaf {
		return nil, errDeaf
	}
	s := &fakeSubscription{f, channel, make(chan string, 1000), make(chan struct{})}
	f.subscribed = append(f.subscribed, s)
	return s, nil
}

func (s *fakeSubscription) Receive() (string, error) {
	defer dawdle()
	select {
	case id := <-s.messages:
		return id, nil
	case <-s.broken:
		return "", errBroken
	}
}

func (s *fakeSubscription) Close() error {
	s.node.mu.Lock()
	defer s.node.mu.Unlock()
	s.node.dropSubscription(s)
	return nil
}

// dropSubscription ends a subscription, once. f.mu is held.
func (f *fakeNode) dropSubscription(s *fakeSubscription) {
	for i, other := range f.subscribed {
		if other == s {
			f.subscribed = append(f.subscribed[:i:i], f.subscribed[i+1:]...)
			close(s.broken)
			return
		}
	}
}

// breakSubscriptions ends all, as a lost connection does.
func (f *fakeNode) breakSubscriptions() {
	f.set(func() {
		for len(f.subscribed) > 0 {
			f.dropSubscription(f.subscribed[0])
		}
	})
}

// subscriptions counts those that are open, once everything has settled.
func (f *fakeNode) subscriptions() (n int) {
	f.set(func() { n = len(f.subscribed) })
	return n
}

// enqueue gives a place at the end of the line, or renews one. f.mu is held.
func (f *fakeNode) enqueue(lock, id string, lifetime any) {
	if id == "" {
		return
	}
	ends := time.Now().Add(time.Duration(lifetime.(int64)) * time.Millisecond)
	line := f.lines[lock]
	for i := range line {
		if line[i].id == id {
			line[i].ends = later(line[i].ends, ends)
			return
		}
	}
	f.lines[lock] = append(line, fakePlace{id, ends})
}

// dequeue takes a place away, and reports whether it was there. f.mu is held.
func (f *fakeNode) dequeue(lock, id string) bool {
	line := f.lines[lock]
	for i := range line {
		if line[i].id == id {
			f.lines[lock] = append(line[:i:i], line[i+1:]...)
			return !line[i].ends.IsZero()
		}
	}
	return false
}

// serve ends a wait; the place stays in line until a release. f.mu is held.
func (f *fakeNode) serve(lock, id string) {
	for i := range f.lines[lock] {
		if f.lines[lock][i].id == id {
			f.lines[lock][i].ends = time.Time{}
		}
	}
}

// mayPass is that of queue_prelude.lua. f.mu is held.
func (f *fakeNode) mayPass(lock, id string) bool {
	if id == "" {
		return true
	}
	free := true
	for _, place := range f.lines[lock] {
		if place.id == id && !place.ends.IsZero() {
			return true
		}
		free = free && !time.Now().Before(place.ends)
	}
	return free
}

// awaited reports that anybody stands in line. f.mu is held.
func (f *fakeNode) awaited(lock string) bool {
	return slices.ContainsFunc(f.lines[lock], func(p fakePlace) bool { return time.Now().Before(p.ends) })
}

// wake is notify of notify_prelude.lua. f.mu is held.
func (f *fakeNode) wake(lock, but string, serves func(id string) bool) {
	for _, place := range append([]fakePlace(nil), f.lines[lock]...) {
		switch {
		case !time.Now().Before(place.ends):
			f.dequeue(lock, place.id)
		case place.id == but:
		case !serves(place.id):
			return
		default:
			f.publish(place.id)
		}
	}
}

// wakeOne is notify of notify_prelude.lua for what only one can have. f.mu is held.
func (f *fakeNode) wakeOne(lock, but string) {
	told := false
	f.wake(lock, but, func(string) bool {
		first := !told
		told = true
		return first
	})
}

// publish tells waiters, those of one channel by one message. f.mu is held.
func (f *fakeNode) publish(ids ...any) {
	messages := make(map[string][]string)
	for _, id := range ids {
		channel, _, _ := strings.Cut(id.(string), "|")
		messages[channel] = append(messages[channel], id.(string))
	}
	for _, s := range f.subscribed {
		if told := messages[s.channel]; told != nil && !f.mumbles {
			s.messages <- strings.Join(told, " ")
		}
	}
}

// places counts the waiters in line, once everything has settled.
func (f *fakeNode) places() (n int) {
	f.set(func() {
		for _, line := range f.lines {
			for _, place := range line {
				if time.Now().Before(place.ends) {
					n++
				}
			}
		}
	})
	return n
}

// announced is that of queue_prelude.lua.
func announced(token string, ends time.Time) int64 {
	if len(token) < 36 || token[8] != '-' || token[13:15] != "-7" {
		return 0
	}
	return announcedUntil(ends)
}

func announcedUntil(ends time.Time) int64 {
	return maxAnnounced - max(0, time.Until(ends).Milliseconds())
}
