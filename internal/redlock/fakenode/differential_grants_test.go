package fakenode

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// diffGrants are the waiters of a diff that can be granted what they wait for, and what both
// nodes publish for them.
type diffGrants struct {
	d       *diff
	channel string
	fake    driver.Subscription
	server  driver.Subscription
}

func newDiffGrants(d *diff) *diffGrants {
	ctx, cancel := context.WithTimeout(d.t.Context(), 10*time.Second)
	defer cancel()
	g := &diffGrants{d: d, channel: redistest.Name(d.t) + fmt.Sprint(d.seed)}
	d.fake.NoSubscriptions = false
	var err error
	g.fake, err = d.fake.Subscribe(ctx, g.channel)
	require.NoError(d.t, err)
	g.server, err = d.server.(driver.Subscriber).Subscribe(ctx, g.channel)
	require.NoError(d.t, err)
	d.t.Cleanup(func() { _ = g.server.Close() })
	return g
}

// token is that of the i-th waiter, which no acquire uses.
func (g *diffGrants) token(i int) any {
	return fmt.Sprintf("01234567-89ab-7cde-8f01-9%011d@a=b|c:1", i)
}

// id is that of its ticket, and numberedID the same where the lease is to be numbered. A grant
// outlasts the test.
func (g *diffGrants) id(i int) string {
	return fmt.Sprintf("%s|%d|600000|%s", g.channel, i, g.token(i))
}

// toNotify is the id of one that is notified only.
func (g *diffGrants) toNotify(name string) any { return g.channel + "|" + name }

func (g *diffGrants) numberedID(i int) string {
	return strings.Replace(g.id(i), "|600000|", "|600000f|", 1)
}

// differ compares what both have published.
func (g *diffGrants) differ() error {
	d := g.d
	const end = "|end"
	d.fake.Mu.Lock()
	d.fake.Publish(g.channel + end)
	d.fake.Mu.Unlock()
	publish := driver.NewCommand("publish", []any{}, g.channel, g.channel+end)
	_ = d.eval(d.server, &publish)
	fake, server := g.received(g.fake, end), g.received(g.server, end)
	if !reflect.DeepEqual(fake, server) {
		return fmt.Errorf("the fake has published %q, and the server %q (%s=%d replays this):\n%s",
			fake, server, redistest.SeedVariable, d.seed, strings.Join(d.trace, "\n"))
	}
	for _, message := range server {
		kind := " notified"
		if strings.Contains(message, "=") {
			kind = " granted"
		}
		d.ran["messages"+kind]++
	}
	return nil
}

func (g *diffGrants) received(from driver.Subscription, end string) (messages []string) {
	for {
		m, err := from.Receive()
		require.NoError(g.d.t, err)
		if strings.HasSuffix(m, end) {
			return messages
		}
		messages = append(messages, m)
	}
}
