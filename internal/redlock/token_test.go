package redlock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// oddOwner has all that separates parts of an id, a slot or a list, but spaces.
const oddOwner = "pod-7/12@host|x:1:2,3-4{}名"

// requireToken checks that a token is one of ours, with an owner if that is not "".
func requireToken(t *testing.T, token, owner string) {
	t.Helper()
	text, rest, has := strings.Cut(token, "@")
	require.Equal(t, owner, rest)
	require.Equal(t, owner != "", has)
	id, err := uuid.Parse(text)
	require.NoError(t, err)
	require.EqualValues(t, 7, id.Version())
	require.Equal(t, id.String(), text)
}

// Tokens of our own are UUIDs, of every kind of lock.
func TestTokensAreUUIDsWithTheirOwner(t *testing.T) {
	for _, owner := range []string{"", "api", oddOwner} {
		bubble(t, 3, func(b *bench) {
			change := func(c *Config) { c.SetOwner(owner); c.Unlimited = true }
			x, rw, s := b.object(change), b.rw(change), b.slots(1, change)
			b.lock(x)
			first := x.Value()
			waiting := begins(background, x.Lock)
			b.unlock(x)
			require.NoError(b, <-waiting)
			requireToken(b.T, first, owner)
			requireToken(b.T, x.Value(), owner)
			require.NotEqual(b, first, x.Value())
			require.Contains(b, b.holders(), x.Value())
			b.in(rw.Reader)
			requireToken(b.T, rw.Reader.current().token.value, owner)
			p := b.take(s, 1)
			requireToken(b.T, p.Value(), owner)
			require.Equal(b, 1, b.held(s))
			b.unlock(x)
			b.out(rw.Reader)
			b.giveBack(p)
		})
	}
}

// Tokens say when they were made, and sort by it.
func TestTokensSayWhenTheyWereMade(t *testing.T) {
	var made []string
	before := time.Now().Add(-time.Second)
	for range 1000 {
		made = append(made, freshValue())
	}
	require.True(t, slices.IsSorted(made))
	require.Len(t, slices.Compact(slices.Clone(made)), 1000)
	id := uuid.MustParse(made[0])
	sec, nsec := id.Time().UnixTime()
	require.WithinRange(t, time.Unix(sec, nsec), before, time.Now().Add(time.Second))
}

func TestOwnersThatWouldBreakATokenAreRefused(t *testing.T) {
	for name, owner := range map[string]string{
		"a space":         "a b",
		"a line":          "a\nb",
		"a tab":           "a\tb",
		"another space":   "a\u00a0b",
		"a control":       "a\x00b",
		"a direction":     "a\u202eb",
		"no text":         "a\xffb",
		"more than bytes": strings.Repeat("é", MaxOwner/2) + "x",
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 1, func(b *bench) {
				err := b.object(func(c *Config) { c.SetOwner(owner) }).Lock(background)
				require.ErrorIs(b, err, ErrConfig)
				require.EqualError(b, err, fmt.Sprintf(`test: "name": bad configuration: owner is %s, at most 256 bytes of printable text without spaces needed`, quote(owner)))
				require.Empty(b, b.nodes[0].History())
			})
		})
	}
	bubble(t, 1, func(b *bench) {
		b.lock(b.object(func(c *Config) { c.SetOwner(strings.Repeat("é", MaxOwner/2)) }))
	})
}

// A value function makes the whole token, so an owner beside it would be lost.
func TestOwnerBesideAValueFunction(t *testing.T) {
	gen := func() (string, error) { return "", errors.New("not called") }
	for _, change := range []func(*Config){
		func(c *Config) { c.SetOwner("api"); c.SetGenValue(gen) },
		func(c *Config) { c.SetGenValue(gen); c.SetOwner("api") },
	} {
		bubble(t, 1, func(b *bench) {
			err := b.object(change).Lock(context.Background())
			require.ErrorIs(b, err, ErrConfig)
			require.ErrorContains(b, err, `owner is "api", but a value function makes the whole value`)
		})
	}
	bubble(t, 1, func(b *bench) { // an adopted value stays, and later ones are ours
		x := b.object(func(c *Config) { c.Value = "theirs"; c.SetOwner("api") })
		require.Equal(b, "theirs", x.Value())
		b.lock(x)
		requireToken(b.T, x.Value(), "api")
	})
}
