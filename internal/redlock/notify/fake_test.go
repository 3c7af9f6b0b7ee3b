package notify

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/faketime"
)

// fakeNode is a node on which one can subscribe.
type fakeNode struct {
	mu          sync.Mutex
	refusal     error         // of the next subscriptions, if not nil
	slow        time.Duration // how long a subscription takes to open, whatever its ctx says
	asked       []time.Time
	connections []*fakeConnection
	call        func() // at every call of the driver
}

type fakeConnection struct {
	node     *fakeNode
	channel  string
	messages chan string
	broken   chan error // a value ends Receive
	closed   sync.Once
}

func (f *fakeNode) Eval(context.Context, *driver.Call) (any, error) { panic("nothing to ask") }

func (f *fakeNode) called() {
	if f.call != nil {
		f.call()
	}
}

func (f *fakeNode) Subscribe(_ context.Context, channel string) (driver.Subscription, error) {
	f.called()
	f.mu.Lock()
	f.asked = append(f.asked, time.Now())
	refusal, slow := f.refusal, f.slow
	f.mu.Unlock()
	time.Sleep(slow)
	if refusal != nil {
		return nil, refusal
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c := &fakeConnection{node: f, channel: channel, messages: make(chan string, 100), broken: make(chan error, 2)}
	f.connections = append(f.connections, c)
	return c, nil
}

func (c *fakeConnection) Receive() (string, error) {
	c.node.called()
	select {
	case ids := <-c.messages:
		return ids, nil
	case err := <-c.broken:
		return "", err
	}
}

func (c *fakeConnection) Close() error {
	c.node.called()
	c.node.mu.Lock()
	defer c.node.mu.Unlock()
	c.node.connections = slices.DeleteFunc(c.node.connections, func(other *fakeConnection) bool { return other == c })
	c.closed.Do(func() { c.broken <- net.ErrClosed })
	return nil
}

var errBroken = errors.New("fake: the connection broke")

// refuse sets how subscriptions are refused, where refusal is not nil.
func (f *fakeNode) refuse(refusal error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refusal = refusal
}

// breaks ends the node's connections.
func (f *fakeNode) breaks() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.connections {
		c.broken <- errBroken
	}
}

// publish sends a message to all that are subscribed, and waits until it has come.
func (f *fakeNode) publish(message string) {
	f.mu.Lock()
	for _, c := range f.connections {
		c.messages <- message
	}
	f.mu.Unlock()
	synctest.Wait()
}

// open counts the connections, once everything has settled.
func (f *fakeNode) open() int {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.connections)
}

// pauses are the times between the subscriptions that were asked for.
func (f *fakeNode) pauses() (between []time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := 1; i < len(f.asked); i++ {
		between = append(between, f.asked[i].Sub(f.asked[i-1]))
	}
	return between
}

// mute is a node whose driver cannot subscribe.
type mute struct{}

func (mute) Eval(context.Context, *driver.Call) (any, error) { panic("nothing to ask") }

// bubble runs a test over n nodes on fake time, and checks that nothing is left.
func bubble(t *testing.T, n int, test func(t *testing.T, notifier *Notifier, nodes []*fakeNode)) {
	t.Helper()
	faketime.Run(t, func(t *testing.T) {
		var nodes []*fakeNode
		var pools []driver.Pool
		for range n {
			nodes = append(nodes, new(fakeNode))
			pools = append(pools, nodes[len(nodes)-1])
		}
		test(t, New(pools...), nodes)
		time.Sleep(time.Minute) // what still runs then fails the test
		for i, node := range nodes {
			if node.open() != 0 {
				t.Errorf("node %d has a connection left", i)
			}
		}
	})
}
