package drivertest

import (
	"context"
	"fmt"
	"maps"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// SetPingInterval makes the driver ping the subscriptions that are opened from now on
// at another interval, until restore is called. Without it, which is nil, the cases that
// wait for pings are skipped.
type SetPingInterval func(interval time.Duration) (restore func())

// RunSubscriber runs the suite of an adapter whose pools are subscribers.
func RunSubscriber(t *testing.T, open Open, setPingInterval SetPingInterval, excuses ...Excuse) {
	s := subscriberSuite{suite{open, excuses}, setPingInterval}
	s.run(t, "Order", s.order)
	s.run(t, "Payloads", s.payloads)
	s.run(t, "Channels", s.channels)
	s.run(t, "Burst", s.burst)
	s.run(t, "OutsideThePool", s.outsideThePool)

	s.run(t, "Close", s.closing)
	s.run(t, "CloseBlocked", s.closeBlocked)
	s.run(t, "Idle", s.idle)
	s.run(t, "Unread", s.unread)
	s.run(t, "PingForbidden", s.pingForbidden)

	s.run(t, "GoneAndBack", s.goneAndBack)
	s.run(t, "PausedServer", s.pausedServer)
	s.run(t, "CutNetwork", s.cutNetwork)
	s.run(t, "Killed", s.killed)
	s.run(t, "MovedAddress", s.movedAddress)

	s.run(t, "OddConfirmation", s.oddConfirmation)
	s.run(t, "ConfirmedAgain", s.confirmedAgain)
	s.run(t, "WrongPassword", s.wrongPassword)
	s.run(t, "ChannelForbidden", s.channelForbidden)
	s.run(t, "CommandForbidden", s.commandForbidden)
	s.run(t, "EndedContext", s.endedContext)
	s.run(t, "HungFromTheStart", s.hungFromTheStart)
	s.run(t, "CancelledWhileOpening", s.cancelledWhileOpening)
}

// subscriberSuite is the state of one RunSubscriber.
type subscriberSuite struct {
	suite
	setPingInterval SetPingInterval
}

const (
	// often is an interval of pings for tests that need some to be sent and
	// answered, on a slow machine too.
	often = 500 * time.Millisecond
)

// ping sets the interval of pings for one test.
func (s subscriberSuite) ping(t *testing.T, interval time.Duration) {
	t.Helper()
	if s.setPingInterval == nil {
		// The interval is not part of the contract, and the case would last two of them.
		t.Skip("the driver's pings cannot be made more frequent")
	}
	t.Cleanup(s.setPingInterval(interval))
}

// subscriber opens a client and returns its pool as what it must be.
func (s subscriberSuite) subscriber(t *testing.T, addr string, opts Options) driver.Subscriber {
	t.Helper()
	return as[driver.Subscriber](t, s.pool(t, addr, opts))
}

// listen subscribes with a new client.
func (s subscriberSuite) listen(t *testing.T, addr, channel string, opts Options) driver.Subscription {
	t.Helper()
	return subscribe(t, s.subscriber(t, addr, opts), channel)
}

// subscribe subscribes until the end of the test.
func subscribe(t *testing.T, to driver.Subscriber, channel string) driver.Subscription {
	t.Helper()
	sub, err := to.Subscribe(within(t, patience), channel)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, sub.Close()) })
	return sub
}

// publish has a script publish, as a release does, and returns once it has.
func publish(t *testing.T, node *redistest.Node, channel, payload string) {
	t.Helper()
	const script = "return redis.call('PUBLISH', ARGV[1], ARGV[2])"
	require.EqualValues(t, 1, node.Do(t, "EVAL", script, 0, channel, payload), "receivers")
}

// message is what Receive returned.
type message struct {
	payload string
	err     error
}

// receiveAsync receives in a goroutine of its own.
func receiveAsync(sub driver.Subscription) <-chan message {
	done := make(chan message, 1)
	go func() {
		payload, err := sub.Receive()
		done <- message{payload, err}
	}()
	return done
}

// outcome waits for what receiveAsync got.
func outcome(t *testing.T, done <-chan message) message {
	t.Helper()
	select {
	case m := <-done:
		return m
	case <-time.After(patience):
		require.FailNow(t, "Receive did not return")
		return message{}
	}
}

// requireMessage receives one message.
func requireMessage(t *testing.T, sub driver.Subscription, payload string) {
	t.Helper()
	require.Equal(t, message{payload: payload}, outcome(t, receiveAsync(sub)))
}

// requireDead checks that a subscription has ended, for good and for one reason.
func requireDead(t *testing.T, sub driver.Subscription, done <-chan message) error {
	t.Helper()
	first := outcome(t, done)
	require.Error(t, first.err)
	require.Equal(t, first, outcome(t, receiveAsync(sub)))
	require.NoError(t, sub.Close())
	require.Equal(t, first, outcome(t, receiveAsync(sub)))
	return first.err
}

// order has messages arrive as they were sent, and one by one.
func (s subscriberSuite) order(t *testing.T) {
	node, channel := redistest.StartOne(t), redistest.Name(t)
	sub := s.listen(t, node.Addr(), channel, Options{})
	for i := range 20 {
		publish(t, node, channel, fmt.Sprint("a", i))
		publish(t, node, channel, fmt.Sprint("b", i))
		requireMessage(t, sub, fmt.Sprint("a", i))
		requireMessage(t, sub, fmt.Sprint("b", i))
	}
}

// payloads has them arrive byte for byte, also those that look like an answer to
// a ping.
func (s subscriberSuite) payloads(t *testing.T) {
	node, channel := redistest.StartOne(t), redistest.Name(t)
	sub := s.listen(t, node.Addr(), channel, Options{})
	for _, payload := range []string{"", " ", "0", "pong", "PONG", "subscribe", binary, strings.Repeat("x", 100_000)} {
		publish(t, node, channel, payload)
		requireMessage(t, sub, payload)
	}
}

// channels has their names arrive at the server byte for byte. A pattern is a
// name like others.
func (s subscriberSuite) channels(t *testing.T) {
	node := redistest.StartOne(t)
	subscriber := s.subscriber(t, node.Addr(), Options{})
	for _, odd := range append([]string{"*", "h?llo", "[a-z]"}, OddKeys...) {
		channel := odd + redistest.Name(t)
		sub := subscribe(t, subscriber, channel)
		publish(t, node, channel, "payload")
		requireMessage(t, sub, "payload")
		require.NoError(t, sub.Close())
	}
}

// burst has messages wait for a Receive.
func (s subscriberSuite) burst(t *testing.T) {
	node, channel := redistest.StartOne(t), redistest.Name(t)
	sub := s.listen(t, node.Addr(), channel, Options{})
	const n = 100
	for i := range n {
		publish(t, node, channel, fmt.Sprint(i))
	}
	for i := range n {
		requireMessage(t, sub, fmt.Sprint(i))
	}
}

// outsideThePool has more subscriptions than the client may have connections.
// They must not keep scripts from running, nor the other way round.
func (s subscriberSuite) outsideThePool(t *testing.T) {
	node := redistest.StartOne(t)
	pool := s.pool(t, node.Addr(), Options{MaxConns: 1})
	names := []string{redistest.Name(t), redistest.Name(t), redistest.Name(t)}
	for _, name := range names {
		sub := subscribe(t, pool.(driver.Subscriber), name)
		requireEventually(t, pool, name)
		publish(t, node, name, name)
		requireMessage(t, sub, name)
	}
}

// closing closes a subscription that no call waits on, again and again.
func (s subscriberSuite) closing(t *testing.T) {
	node, channel := redistest.StartOne(t), redistest.Name(t)
	sub := s.listen(t, node.Addr(), channel, Options{})
	publish(t, node, channel, "never received")
	for range 3 {
		require.NoError(t, sub.Close())
		_, err := sub.Receive()
		require.ErrorIs(t, err, net.ErrClosed)
	}
	requireNoReceivers(t, node, channel)
}

// requireNoReceivers waits until the server knows of no subscription.
func requireNoReceivers(t *testing.T, node *redistest.Node, channel string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return node.Do(t, "PUBLISH", channel, "anybody?") == int64(0)
	}, patience, time.Millisecond)
}

// closeBlocked closes a subscription that a call waits on, from many
// goroutines at once.
func (s subscriberSuite) closeBlocked(t *testing.T) {
	node, channel := redistest.StartOne(t), redistest.Name(t)
	sub := s.listen(t, node.Addr(), channel, Options{})
	publish(t, node, channel, "first")
	requireMessage(t, sub, "first")
	blocked, closed := receiveAsync(sub), make(chan error)
	for range 8 {
		go func() { closed <- sub.Close() }()
	}
	for range 8 {
		require.NoError(t, <-closed)
	}
	require.ErrorIs(t, requireDead(t, sub, blocked), net.ErrClosed)
	requireNoReceivers(t, node, channel)
}

// idle leaves a subscription alone for longer than the client would wait for a
// reply, until it has been pinged a few times.
func (s subscriberSuite) idle(t *testing.T) {
	s.ping(t, often)
	node, channel := redistest.StartOne(t, redistest.WithProxy()), redistest.Name(t)
	sub := s.listen(t, node.Addr(), channel, Options{ReadTimeout: often / 2})
	blocked := receiveAsync(sub)
	requirePings(t, node, 3)
	publish(t, node, channel, "payload")
	require.Equal(t, message{payload: "payload"}, outcome(t, blocked))
}

// requirePings waits for requests on an otherwise idle connection.
func requirePings(t *testing.T, node *redistest.Node, n int64) {
	t.Helper()
	before := node.Proxy().Requests()
	require.Eventually(t, func() bool { return node.Proxy().Requests() >= before+n }, patience, time.Millisecond)
}

// unread does not read for many pings. The answers lie in the connection, and
// must be taken neither for messages nor for silence.
func (s subscriberSuite) unread(t *testing.T) {
	s.ping(t, often)
	node, channel := redistest.StartOne(t, redistest.WithProxy()), redistest.Name(t)
	sub := s.listen(t, node.Addr(), channel, Options{})
	publish(t, node, channel, "first")
	requirePings(t, node, 3)
	publish(t, node, channel, "second")
	requireMessage(t, sub, "first")
	requireMessage(t, sub, "second")
}

// pingForbidden has a user who may subscribe and nothing else. A refused ping is
// an answer.
func (s subscriberSuite) pingForbidden(t *testing.T) {
	s.ping(t, often)
	node := restricted(t, "-ping")
	channel := redistest.Name(t)
	sub := s.listen(t, node.Addr(), channel, Options{Password: password})
	blocked := receiveAsync(sub)
	requirePings(t, node, 3)
	publish(t, node, channel, "payload")
	require.Equal(t, message{payload: "payload"}, outcome(t, blocked))
}

// password is that of restricted nodes.
const password = "secret"

// restricted starts a node, behind a proxy, whose only user is given other
// rights than all.
func restricted(t *testing.T, rights ...any) *redistest.Node {
	t.Helper()
	node := redistest.StartOne(t, redistest.WithProxy(), redistest.WithConfig("requirepass "+password))
	node.Do(t, append([]any{"ACL", "SETUSER", "default"}, rights...)...)
	return node
}

// goneAndBack kills a server under a subscription, which stays dead when the
// server is back. A new one is needed, and can be had.
func (s subscriberSuite) goneAndBack(t *testing.T) {
	redistest.Needs(t, redistest.CanKill, redistest.CanRestartEmpty)
	node, channel := redistest.StartOne(t), redistest.Name(t)
	subscriber := s.subscriber(t, node.Addr(), Options{})
	sub := subscribe(t, subscriber, channel)
	blocked := receiveAsync(sub)
	node.Kill(t)
	require.NotErrorIs(t, requireDead(t, sub, blocked), driver.ErrSilent)
	_, err := subscriber.Subscribe(within(t, patience), channel)
	require.Error(t, err)
	require.False(t, driver.IsReply(err))

	node.Restart(t)
	require.Equal(t, int64(0), node.Do(t, "PUBLISH", channel, "anybody?"), "it has reconnected by itself")
	again := subscribe(t, subscriber, channel)
	publish(t, node, channel, "payload")
	requireMessage(t, again, "payload")
}

// pausedServer stops a server without a word on the network.
func (s subscriberSuite) pausedServer(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	s.ping(t, often)
	node, channel := redistest.StartOne(t), redistest.Name(t)
	sub := s.listen(t, node.Addr(), channel, Options{ReadTimeout: ages})
	publish(t, node, channel, "payload")
	requireMessage(t, sub, "payload")

	node.Pause(t)
	require.ErrorIs(t, requireDead(t, sub, receiveAsync(sub)), driver.ErrSilent)
	node.Resume(t)
	s.requireRecovery(t, node)
	requireNoReceivers(t, node, channel)
}

// cutNetwork has answers get lost.
func (s subscriberSuite) cutNetwork(t *testing.T) {
	s.ping(t, often) // a slow machine must have lost an answer by the second one
	node, channel := redistest.StartOne(t, redistest.WithProxy()), redistest.Name(t)
	sub := s.listen(t, node.Addr(), channel, Options{ReadTimeout: ages})
	node.Proxy().DropReplies(true)
	require.ErrorIs(t, requireDead(t, sub, receiveAsync(sub)), driver.ErrSilent)
	require.Positive(t, node.Proxy().DroppedReplies())
}

// killed has the server end the connection, as an operator does, or a Sentinel
// after a failover.
func (s subscriberSuite) killed(t *testing.T) {
	redistest.Needs(t, redistest.CanKillClients)
	node, channel := redistest.StartOne(t, redistest.WithProxy()), redistest.Name(t)
	sub := s.listen(t, node.Addr(), channel, Options{})
	blocked, connections := receiveAsync(sub), node.Proxy().Connections()
	require.EqualValues(t, 1, node.Do(t, "CLIENT", "KILL", "TYPE", "pubsub"))
	requireDead(t, sub, blocked)
	require.Equal(t, connections, node.Proxy().Connections(), "it has reconnected by itself")
}

// confirmation is what a server says to SUBSCRIBE channel.
func confirmation(r Request) string {
	kind := "*"
	if r.Proto == 3 {
		kind = ">" // a push
	}
	return kind + "3\r\n$9\r\nsubscribe\r\n$7\r\nchannel\r\n:1\r\n"
}

// oddConfirmation has something else come in its place.
func (s subscriberSuite) oddConfirmation(t *testing.T) {
	for _, odd := range []string{"$-1\r\n", "*-1\r\n", "+OK\r\n", ":1\r\n", "nonsense\r\n", HangUp} {
		server := StartFakeServer(t, func(Request) string { return odd })
		sub, err := s.subscriber(t, server.Addr(), Options{}).Subscribe(within(t, patience), "channel")
		require.Errorf(t, err, "%q", odd)
		require.False(t, driver.IsReply(err))
		require.Nil(t, sub)
		require.Positive(t, server.Requests(), "%q", odd)
	}
}

// confirmedAgain has a second confirmation come. To its reader that is a
// connection which the client has made anew, behind the subscription's back.
func (s subscriberSuite) confirmedAgain(t *testing.T) {
	server := StartFakeServer(t, func(r Request) string { return confirmation(r) + confirmation(r) })
	sub := s.listen(t, server.Addr(), "channel", Options{})
	require.NotErrorIs(t, requireDead(t, sub, receiveAsync(sub)), net.ErrClosed)
}

// wrongPassword, channelForbidden and commandForbidden are refused by the server
// itself.
func (s subscriberSuite) wrongPassword(t *testing.T) {
	node := redistest.StartOne(t, redistest.WithConfig("requirepass "+password))
	for wrong, text := range map[string]string{"": "NOAUTH", "wrong": "WRONGPASS"} {
		s.requireRefused(t, node, wrong, text)
	}
	s.listen(t, node.Addr(), redistest.Name(t), Options{Password: password})
}

func (s subscriberSuite) channelForbidden(t *testing.T) {
	node := restricted(t, "resetchannels", "&allowed:*")
	s.requireRefused(t, node, password, "NOPERM")
	s.listen(t, node.Addr(), "allowed:"+redistest.Name(t), Options{Password: password})
}

func (s subscriberSuite) commandForbidden(t *testing.T) {
	s.requireRefused(t, restricted(t, "-subscribe"), password, "NOPERM")
}

// requireRefused subscribes in vain, and leaves no connection behind.
func (s subscriberSuite) requireRefused(t *testing.T, node *redistest.Node, password, text string) {
	t.Helper()
	subscriber := s.subscriber(t, node.Addr(), Options{Password: password})
	before, _ := connections(node)
	sub, err := subscriber.Subscribe(within(t, patience), redistest.Name(t))
	require.ErrorContains(t, err, text)
	require.Truef(t, driver.IsReply(err), "not taken for the server's answer: %v", err)
	require.NotErrorIs(t, err, driver.ErrNoSubscribe)
	require.Nil(t, sub)
	requireNoneBut(t, node, before)
}

// connections are the ids of the server's connections, but for those that list them.
// ok is false if it cannot list them.
func connections(node *redistest.Node) (ids map[string]bool, ok bool) {
	list, err := node.TryDo("CLIENT", "LIST")
	if err != nil {
		return nil, false
	}
	ids = make(map[string]bool)
	for line := range strings.Lines(list.(string)) {
		if !strings.Contains(line, " cmd=client") {
			id, _, _ := strings.Cut(line, " ")
			ids[id] = true
		}
	}
	return ids, true
}

// requireNoneBut waits until the server has no connection that was not there before. Of
// those some may have gone, such as the one that asked whether the server is ready.
func requireNoneBut(t *testing.T, node *redistest.Node, before map[string]bool) {
	t.Helper()
	if before == nil { // it cannot list them
		return
	}
	require.Eventually(t, func() bool {
		now, ok := connections(node)
		maps.DeleteFunc(now, func(id string, _ bool) bool { return before[id] })
		return ok && len(now) == 0
	}, patience, time.Millisecond)
}

// endedContext sends nothing, and does not even dial.
func (s subscriberSuite) endedContext(t *testing.T) {
	node, channel := redistest.StartOne(t, redistest.WithProxy()), redistest.Name(t)
	subscriber := s.subscriber(t, node.Addr(), Options{})
	before := node.Proxy().Connections()
	cancelled, cancel := context.WithCancel(within(t, patience))
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	for ctx, want := range map[context.Context]error{cancelled: context.Canceled, late: context.DeadlineExceeded} {
		sub, err := subscriber.Subscribe(ctx, channel)
		require.ErrorIs(t, err, want)
		require.Nil(t, sub)
	}
	require.Equal(t, before, node.Proxy().Connections())
}

// hungFromTheStart has a server accept a connection and then say nothing.
func (s subscriberSuite) hungFromTheStart(t *testing.T) {
	node, channel := redistest.StartOne(t, redistest.WithProxy()), redistest.Name(t)
	subscriber := s.subscriber(t, node.Addr(), Options{ReadTimeout: ages})
	node.Proxy().DropRequests(true)
	_, err := opened(t, openAsync(subscriber, within(t, soon), channel))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.False(t, driver.IsReply(err))
	node.Proxy().Heal()
	subscribe(t, subscriber, channel)
}

// cancelledWhileOpening ends ctx while the server's answer is on the way. Nothing
// may be left of it.
func (s subscriberSuite) cancelledWhileOpening(t *testing.T) {
	node, channel := redistest.StartOne(t, redistest.WithProxy()), redistest.Name(t)
	subscriber := s.subscriber(t, node.Addr(), Options{ReadTimeout: ages})
	before, _ := connections(node)
	node.Proxy().DropReplies(true)
	ctx, cancel := context.WithCancel(within(t, ages))
	opening := openAsync(subscriber, ctx, channel)
	require.Eventually(t, func() bool { return node.Proxy().DroppedReplies() > 0 }, patience, time.Millisecond)
	cancel()
	_, err := opened(t, opening)
	require.ErrorIs(t, err, context.Canceled)
	requireNoReceivers(t, node, channel)
	requireNoneBut(t, node, before)
}

// attempt is what Subscribe returned.
type attempt struct {
	sub driver.Subscription
	err error
}

// openAsync subscribes in a goroutine of its own.
func openAsync(to driver.Subscriber, ctx context.Context, channel string) <-chan attempt {
	done := make(chan attempt, 1)
	go func() {
		sub, err := to.Subscribe(ctx, channel)
		done <- attempt{sub, err}
	}()
	return done
}

// opened waits for what openAsync got.
func opened(t *testing.T, done <-chan attempt) (driver.Subscription, error) {
	t.Helper()
	select {
	case a := <-done:
		return a.sub, a.err
	case <-time.After(patience):
		require.FailNow(t, "Subscribe did not return although its ctx has ended")
		return nil, nil
	}
}
