package fakenode

import (
	"errors"
	"slices"
	"strings"
	"sync"
)

// Channels are the subscriptions to a node.
type Channels struct {
	NoSubscriptions bool // refuses them
	LosesMessages   bool // what it publishes is lost

	open []*subscription
}

// subscription is one to a node.
type subscription struct {
	mu       *sync.Mutex // the node's
	to       *Channels   // guarded by mu
	channel  string
	messages chan string
	broken   chan struct{}
}

var (
	errNoSubscriptions = errors.New("fake: no subscriptions")
	errBroken          = errors.New("fake: subscription broke")
)

// subscribe opens a subscription of the node that has this mutex.
func (c *Channels) subscribe(mu *sync.Mutex, channel string) *subscription {
	s := &subscription{mu, c, channel, make(chan string, 1000), make(chan struct{})}
	c.open = append(c.open, s)
	return s
}

func (s *subscription) Receive() (string, error) {
	defer dawdle()
	select {
	case message := <-s.messages:
		return message, nil
	case <-s.broken:
		return "", errBroken
	}
}

func (s *subscription) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to.drop(s)
	return nil
}

// drop ends a subscription, once.
func (c *Channels) drop(s *subscription) {
	if at := slices.Index(c.open, s); at >= 0 {
		c.open = append(c.open[:at:at], c.open[at+1:]...)
		close(s.broken)
	}
}

// listeners counts the subscriptions to a channel.
func (c *Channels) listeners(channel string) (n int) {
	for _, s := range c.open {
		if s.channel == channel {
			n++
		}
	}
	return n
}

// isAbsent is that of grant_prelude.lua.
func (c *Channels) isAbsent(id string) bool {
	words := strings.SplitN(id, "|", 4)
	return len(words) == 4 && c.listeners(words[0]) == 0
}

// Publish sends messages to waiters, those of one channel as one. An id begins with its
// channel.
func (c *Channels) Publish(ids ...any) {
	messages := make(map[string][]string)
	for _, id := range ids {
		channel, _, _ := strings.Cut(id.(string), "|")
		messages[channel] = append(messages[channel], id.(string))
	}
	for _, s := range c.open {
		if all := messages[s.channel]; all != nil && !c.LosesMessages {
			s.messages <- strings.Join(all, " ")
		}
	}
}
