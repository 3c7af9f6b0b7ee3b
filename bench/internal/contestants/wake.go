package contestants

import (
	"context"
	"sync"
)

// The floor of a hand-off: a script that deletes the key and publishes, and a
// subscriber that sets the key when it is notified, with nothing around them. On
// several nodes both are done on all of them at once. The subscriber sets when a
// majority has notified it, and holds the lock when a majority was set.

const deleteAndNotify = `local deleted = 0
if redis.call('GET', KEYS[1]) == ARGV[1] then
  deleted = redis.call('DEL', KEYS[1])
end
redis.call('PUBLISH', ARGV[2], '')
return deleted`

// nobody is the channel that is notified when less than a majority was set and is
// taken back.
const nobody = ""

// bareNode is what the floor does on one node.
type bareNode interface {
	// set sets the key to a value if there is none.
	set(key, value string) (bool, error)
	// release deletes the key if it has the value, and notifies a channel.
	release(key, value, channel string) error
	// subscribe calls notify for every message on the channel, until the node is
	// closed. It returns once it is subscribed.
	subscribe(channel string, notify func()) error
	Close() error
}

// wakeParty is one side. Each listens to a channel of its own, whose name is also
// the value that it sets.
type wakeParty struct {
	nodes    []bareNode
	key      string
	own      string
	other    string
	notified chan struct{}
}

// connectWake makes a duel of bare commands by a client library.
func connectWake(open func(addr string) (bareNode, error)) func(addrs []string, name string) (*Duel, error) {
	side := func(own, other string) connectParty {
		return func(addrs []string, name string) (Party, error) {
			return openWake(open, addrs, name, name+own, name+other)
		}
	}
	return func(addrs []string, name string) (*Duel, error) {
		return unlike("", side(":a", ":b"), "", side(":b", ":a"))(addrs, name)
	}
}

func openWake(open func(addr string) (bareNode, error), addrs []string, key, own, other string) (Party, error) {
	p := &wakeParty{key: key, own: own, other: other, notified: make(chan struct{}, 16*len(addrs))}
	for _, addr := range addrs {
		node, err := open(addr)
		if err != nil {
			return nil, p.closing().closeWith(err)
		}
		p.nodes = append(p.nodes, node)
		if err := node.subscribe(own, func() { p.notified <- struct{}{} }); err != nil {
			return nil, p.closing().closeWith(err)
		}
	}
	return p, nil
}

func (p *wakeParty) closing() (closing closers) {
	for _, node := range p.nodes {
		closing = append(closing, node)
	}
	return closing
}

func (p *wakeParty) Close() error { return p.closing().Close() }

// Lock forgets late messages of earlier hand-offs first.
func (p *wakeParty) Lock(ctx context.Context) (func() error, error) {
	for len(p.notified) > 0 {
		<-p.notified
	}
	for {
		if ok, err := p.setMost(); ok || err != nil {
			return p.release, err
		}
		for range len(p.nodes)/2 + 1 {
			select {
			case <-p.notified:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
}

// setMost reports whether a majority was set. It does not wait for the others.
func (p *wakeParty) setMost() (bool, error) {
	if len(p.nodes) == 1 {
		return p.nodes[0].set(p.key, p.own)
	}
	type reply struct {
		ok  bool
		err error
	}
	replies := make(chan reply, len(p.nodes))
	for _, node := range p.nodes {
		go func() {
			ok, err := node.set(p.key, p.own)
			replies <- reply{ok, err}
		}()
	}
	yes := 0
	for range p.nodes {
		r := <-replies
		if r.err != nil {
			return false, r.err
		}
		if r.ok {
			yes++
		}
		if yes > len(p.nodes)/2 {
			return true, nil
		}
	}
	if yes == 0 {
		return false, nil
	}
	return false, p.onAll(nobody)
}

func (p *wakeParty) release() error { return p.onAll(p.other) }

func (p *wakeParty) onAll(channel string) error {
	if len(p.nodes) == 1 {
		return p.nodes[0].release(p.key, p.own, channel)
	}
	failures := make([]error, len(p.nodes))
	var releasing sync.WaitGroup
	for i, node := range p.nodes {
		releasing.Go(func() { failures[i] = node.release(p.key, p.own, channel) })
	}
	releasing.Wait()
	for _, err := range failures {
		if err != nil {
			return err
		}
	}
	return nil
}
