package redlock

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
)

// knowing is a pool of a client that knows its server's address, and why it does not
// come through.
type knowing struct {
	driver.Pool
	addr    string
	trouble error
}

func (k *knowing) Addr() string   { return k.addr }
func (k *knowing) Trouble() error { return k.trouble }

// A call that had no answer says why, if the client has found out.
func TestErrorsNameTheAddressAndTheTrouble(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	late := &net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded}
	for _, c := range []struct {
		trouble error
		text    string
		is      error
	}{
		{refused, "no answer in time: dial tcp: connection refused", syscall.ECONNREFUSED},
		{late, "no answer in time: dial tcp: context deadline exceeded", errNoAnswer},
		{nil, "no answer in time", errNoAnswer},
	} {
		bubble(t, 3, func(b *bench) {
			for _, n := range b.nodes {
				n.setHung(true)
			}
			b.engine.nodes[1] = newNode(1, &knowing{b.nodes[1], "10.0.0.2:6379", c.trouble})
			err := b.object(nil).TryLock(context.Background())
			require.ErrorContains(t, err, "node #1 (10.0.0.2:6379): "+c.text)
			require.ErrorContains(t, err, "node #0: no answer in time")
			require.ErrorIs(t, err, c.is)
			require.NotErrorIs(t, err, context.DeadlineExceeded, "the caller's ctx has not ended")
			for _, n := range b.nodes {
				n.setHung(false)
			}
			b.nothingLeft()
		})
	}
}

// An answer is not explained away by older news.
func TestAnswersAreNotExplained(t *testing.T) {
	n := newNode(0, &knowing{newFake(), "", errors.New("trouble")})
	e := n.error(os.ErrClosed)
	n.explain(e)
	require.Equal(t, os.ErrClosed, e.Err)
	require.EqualError(t, e, "node #0: file already closed")
}

// twin is a pool that says what servers it leads to.
type twin struct {
	*fakeNode
	servers []any
}

func (w twin) Identity() []any { return w.servers }

// A server has one vote.
func TestPoolsOfOneServerAreRefused(t *testing.T) {
	one, two, three := newFake(), newFake(), newFake()
	at := func(addr string) any { return driver.NewEndpoint("tcp", addr) }
	for name, c := range map[string]struct {
		pools []driver.Pool
		text  string // "" for pools of different servers
	}{
		"one pool twice":       {[]driver.Pool{one, one}, "pools #0 and #1 of 2"},
		"three times":          {[]driver.Pool{one, one, one}, "pools #0 and #1 of 3"},
		"first and last":       {[]driver.Pool{one, two, one}, "pools #0 and #2 of 3"},
		"one client":           {[]driver.Pool{twin{one, []any{7}}, two, twin{three, []any{7}}}, "pools #0 and #2 of 3"},
		"one address":          {[]driver.Pool{twin{one, []any{7, at("a:1")}}, twin{two, []any{8, at("A.:1")}}}, "pools #0 and #1 of 2"},
		"localhost":            {[]driver.Pool{twin{one, []any{at("localhost:1")}}, twin{two, []any{at("127.0.0.1:1")}}}, "pools #0 and #1 of 2"},
		"other ports":          {[]driver.Pool{twin{one, []any{at("a:1")}}, twin{two, []any{at("a:2")}}}, ""},
		"a server, and itself": {[]driver.Pool{twin{one, []any{at("a:1"), at("a:1")}}}, ""},
		"different":            {[]driver.Pool{one, two, three}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := New(c.pools...).err
			if c.text == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrConfig)
			require.ErrorContains(t, err, c.text)
		})
	}
}
