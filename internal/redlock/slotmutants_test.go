package redlock

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redlock/fakenode"
	"github.com/holdfast-go/holdfast/internal/redlock/quorum"
	"github.com/holdfast-go/holdfast/internal/redlock/slotset"
	"github.com/holdfast-go/holdfast/scripts"
)

// Of the slots above the limit only the one at the limit is taken. Each node of the
// majority {0, 2} has one permit, so that a second would be within the limit of 2; together
// they have two already.
func TestTheSlotAtTheLimitCounts(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[0].Occupy("at the limit", 2)
		b.nodes[1].Occupy("at the limit", 2)
		b.nodes[1].Occupy("below", 1)
		b.nodes[2].Occupy("below", 1)
		_, err := b.slots(2, nil).TryAcquire(background, 1)
		require.ErrorIs(b, err, ErrFailed)
		require.ErrorIs(b, err, &ErrTaken{Nodes: []int{0, 2}})
	})
}

func firstSlots(n int) []int {
	slots := make([]int, n)
	for i := range slots {
		slots[i] = i
	}
	return slots
}

// listing is a round in which all nodes have listed the same free slots.
func listing(free string) *quorum.Round {
	r := New(fakenode.New(), fakenode.New(), fakenode.New()).quorum.Round(quorum.Question{})
	for i := range 3 {
		r.Record(i, quorum.Answer{Vote: quorum.Taken, Detail: &grant{free: free}})
	}
	return r
}

// Slots are asked for in ascending order, as the scripts and Permit.Slots have them.
func TestProposalsAscend(t *testing.T) {
	r := listing("3-9,20-24")
	propose := func(atRandom bool) string { return new(slotset.Proposals).Draw(freeOnMajority(r, 4), 4, atRandom) }
	require.Equal(t, "3-6", propose(false), "the lowest")
	drawn := make(map[string]bool)
	for range 200 {
		text := propose(true)
		slots := slotset.Parse(text)
		require.Len(t, slots, 4, text)
		require.True(t, slices.IsSorted(slots))
		drawn[text] = true
	}
	require.Greater(t, len(drawn), 10, "at random")
}

// Rivals that disagree propose the lowest slots first, and others then: else they would
// meet again and again.
func TestRivalsThatDisagreeProposeOtherSlots(t *testing.T) {
	others := 0
	for range 20 {
		bubble(t, 3, func(b *bench) {
			for i, n := range b.nodes {
				n.Occupy("first", firstSlots(i)...) // so that each grants another one
			}
			var wanted []string
			for _, n := range b.nodes {
				n.Before = func(call *driver.Call) time.Duration {
					if call.Script() != scripts.Semaphore().Acquire {
						return 0
					}
					want := call.Args()[4].(string)
					n.Mu.Lock()
					defer n.Mu.Unlock()
					if want != "" {
						n.Occupy("rival of "+want, slotset.Parse(want)...) // was quicker
					}
					if n == b.nodes[0] {
						wanted = append(wanted, want)
					}
					return ms
				}
			}
			_, err := b.slots(40, nil).TryAcquire(background, 1)
			require.ErrorIs(b, err, ErrFailed)
			b.holders()
			require.Len(b, wanted, 1+maxProposals)
			require.Equal(b, []string{"", "1"}, wanted[:2])
			for i, want := range wanted[2:] {
				if slotset.Parse(want)[0] != 2+i {
					others++
				}
			}
		})
	}
	require.Positive(t, others)
}

// A node that is silent may have what one other has: the count is never too low.
func TestHeldCountsWhatASilentNodeMayHave(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[0].Occupy("both", 0, 1)
		b.nodes[1].Occupy("both", 0, 1)
		x := b.slots(4, nil)
		require.Equal(b, 2, b.held(x))
		b.nodes[1].SetHung(true)
		require.Equal(b, 2, b.held(x))
		b.nodes[1].SetHung(false)
	})
}

// Permits under WithAutoExtend last until they are given back.
func TestPermitsRenewThemselves(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		p := b.take(b.slots(1, func(c *Config) { c.AutoExtend = true }), 1)
		lost, until := p.Lost(), p.Until()
		time.Sleep(5 * DefaultExpiry)
		require.True(b, p.Until().After(until.Add(3*DefaultExpiry)))
		require.False(b, isLost(lost))
		b.full(b.slots(1, nil), 1)
		b.giveBack(p)
		plain := b.take(b.slots(1, nil), 1)
		<-plain.Lost()
		require.False(b, time.Now().Before(plain.Until()), "others do not")
		_, _ = plain.Release(background)
	})
}

func TestShuffleIsAskedFor(t *testing.T) {
	for _, shuffle := range []bool{false, true} {
		c := DefaultConfig()
		c.ShufflePools = shuffle
		require.Equal(t, shuffle, New(fakenode.New()).NewSpec(testProtocol, "name", c).question(background, token{}, nil).Shuffle)
	}
}
