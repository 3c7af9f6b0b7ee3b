package redlock

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
)

// A refusal says how many permits are free and how many are needed.
func TestRefusalSaysWhatIsFreeAndWhatIsNeeded(t *testing.T) {
	for _, c := range []struct {
		limit, held, n int
		text           string
	}{
		{1, 1, 1, "permits free: 0 of 1, needed: 1"},
		{4, 3, 2, "permits free: 1 of 4, needed: 2"},
		{100, 60, 50, "permits free: 40 of 100, needed: 50"},
		{5000, 100, 4950, "permits free: at least 1024 of 5000, needed: 4950"},
	} {
		for _, nodes := range []int{1, 2, 3, 4} {
			bubble(t, nodes, func(b *bench) {
				p := b.take(b.slots(c.limit, nil), c.held)
				b.holders()
				_, err := b.slots(c.limit, nil).TryAcquire(background, c.n)
				require.ErrorIs(b, err, ErrFailed)
				require.ErrorAs(b, err, new(*ErrTaken))
				require.ErrorContains(b, err, c.text)
				waits := b.slots(c.limit, func(c *Config) { c.Tries = 3 })
				_, err = waits.Acquire(background, c.n)
				require.ErrorContains(b, err, c.text)
				b.giveBack(p)
			})
		}
	}
}

// What a minority says proves nothing, nor does a node that says only that others wait.
func TestRefusalSaysNothingThatItDoesNotKnow(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		p := b.take(b.slots(2, nil), 2)
		b.holders()
		b.failing(nil, &driver.ReplyError{Err: fakenode.ErrLostReply}, 0, 1)
		b.nodes[0].Before, b.nodes[1].Before = always(ms), always(ms) // node 2 has reported by then
		_, err := b.slots(2, nil).TryAcquire(background, 1)
		require.ErrorIs(b, err, ErrFailed)
		require.NotContains(b, err.Error(), "permits free")
		b.back(0, 1)
		b.giveBack(p)
	})
	r := New(fakenode.New(), fakenode.New()).quorum.Round(quorum.Question{})
	for i := range 2 {
		r.Record(i, quorum.Answer{Vote: quorum.Taken, Detail: new(grant)})
	}
	require.Nil(t, (&Spec{limit: 2}).shortage(r, request{n: 1, listing: 16}), "others wait")
}
