package quorum

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A node that was silent once, and is well, is not waited for as long as the others
// may be enough, and is when one of them fails.
func TestSpareIsWaitedForOnceItIsNeeded(t *testing.T) {
	for _, contended := range []bool{false, true} {
		bubble(t, 3, func(b *bench) {
			b.silence(2)
			b.nodes[0].err = socketDeadline()
			b.nodes[2].delay = 3 * ms
			start := time.Now()
			require.True(t, b.round(func(q *Question) { q.Contended = contended }).Run(background))
			require.Equal(t, 3*ms, time.Since(start))
		})
	}
}

// One that is needed as another client has a node is waited for, too, in a contended round
// only for a moment.
func TestSpareDecidesBetweenTwoClients(t *testing.T) {
	for _, c := range []struct {
		contended  bool
		delay      time.Duration
		won        bool
		waitsUntil time.Duration
	}{
		{true, spareTime / 2, true, spareTime / 2},
		{true, 2 * spareTime, false, spareTime},
		{false, 2 * spareTime, true, 2 * spareTime},
	} {
		bubble(t, 3, func(b *bench) {
			b.silence(2)
			b.nodes[1].reply = int64(0)
			b.nodes[2].delay = c.delay
			start := time.Now()
			require.Equal(t, c.won, b.round(func(q *Question) { q.Contended = c.contended }).Run(background))
			require.Equal(t, c.waitsUntil, time.Since(start))
		})
	}
}

// A spare's refusal is none of those that the round counts on.
func TestSparesRefusalDecidesNothing(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.silence(2)
		b.nodes[2].reply = int64(0)
		b.nodes[0].delay, b.nodes[1].delay = 10*ms, 10*ms
		require.True(t, b.round(nil).Run(background))
	})
}

// Of silent nodes all are waited for when one is needed: the first may be the one that is
// still hung.
func TestAllSilentNodesAreWaitedForWhenOneIsNeeded(t *testing.T) {
	bubble(t, 5, func(b *bench) {
		b.silence(0, 3, 4)
		release := b.nodes[0].hang()
		start := time.Now()
		require.True(t, b.round(nil).Run(background))
		require.Zero(t, time.Since(start))
		release()
	})
}

// A silent node is waited for when the others that have a vote are too few.
func TestSilentNodesAreNeededWhereOthersHaveNoVote(t *testing.T) {
	for name, prepare := range map[string]func(*Round){
		"mute":    func(r *Round) { r.Mute(0) },
		"excused": func(r *Round) { r.Excuse(0, Answer{Vote: Missing}) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 5, func(b *bench) {
				b.silence(3, 4)
				b.nodes[3].delay = 3 * ms
				b.nodes[4].reply = int64(0)
				r := b.round(nil)
				prepare(r)
				require.True(t, r.Run(background))
			})
		})
	}
}

// Nodes that disagree show another client: a spare is really silent, and its call may last
// long.
func TestSpareIsNotWaitedForLongWhereNodesDisagree(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.silence(2)
		release := b.nodes[2].hang()
		b.nodes[0].reply, b.nodes[1].reply = "1", "2"
		start := time.Now()
		require.False(t, b.round(func(q *Question) { q.Contended = true }).Run(background))
		require.Equal(t, spareTime, time.Since(start))
		release()
	})
}

// A silent node without a vote makes no caller wait for another silent one.
func TestMuteNodeIsNoSpare(t *testing.T) {
	bubble(t, 5, func(b *bench) {
		b.silence(0, 1)
		release := b.nodes[1].hang()
		b.nodes[2].reply = int64(0)
		r := b.round(func(q *Question) { q.Contended = true })
		r.Mute(0)
		start := time.Now()
		require.False(t, r.Run(background))
		require.Equal(t, spareTime, time.Since(start))
		release()
	})
}

// Silent nodes that are needed from the start are no spares.
func TestSilentMajorityIsNoSpare(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.silence(1, 2)
		r := b.round(nil)
		require.True(t, r.Run(background))
		require.False(t, r.Voter(1).Spare || r.Voter(2).Spare)
	})
}
