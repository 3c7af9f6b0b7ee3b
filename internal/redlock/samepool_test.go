package redlock

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
)

// twin is a pool that says what servers it leads to.
type twin struct {
	*fakenode.Node
	servers []any
}

func (w twin) Identity() []any { return w.servers }

// A server has one vote.
func TestPoolsOfOneServerAreRefused(t *testing.T) {
	one, two, three := fakenode.New(), fakenode.New(), fakenode.New()
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
