package quorum

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A node whose answer is known is not asked. A known yes counts.
func TestExcusedNodeIsNotAsked(t *testing.T) {
	for _, vote := range []Vote{Yes, Missing} {
		bubble(t, 3, func(b *bench) {
			b.nodes[1].reply = int64(0)
			r := b.round(nil)
			r.Excuse(2, Answer{Vote: vote})
			require.False(t, r.Asks(2))
			require.Equal(t, vote == Yes, r.Run(background))
			synctest.Wait()
			require.Zero(t, b.nodes[2].asked())
		})
	}
}

// Without a majority that could be asked no node is, but to release.
func TestHopelessRoundAsksNoNode(t *testing.T) {
	for policy, asked := range map[Unsent]int{Withdraw: 0, LeaveWon: 0, KeepWon: 0, Keep: 1} {
		bubble(t, 3, func(b *bench) {
			w := new(watcher)
			r := b.round(func(q *Question) { q.To, q.Unsent = w, policy })
			r.Excuse(0, Answer{Vote: Missing})
			r.Excuse(1, Answer{Vote: Missing})
			require.False(t, r.Run(background))
			reported := w.since()
			require.Equal(t, asked, b.nodes[2].asked())
			if asked == 0 {
				require.Equal(t, []string{"unsent 2"}, reported)
			}
		})
	}
}

func TestMuteNodeIsAskedAndDoesNotCount(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[1].reply = int64(0)
		r := b.round(nil)
		r.Mute(2)
		require.False(t, r.Run(background))
		synctest.Wait()
		require.Equal(t, 1, b.nodes[2].asked())
	})
}

// What another call has brought from a node that the round asks itself does not count: the
// round's own request may be on its way.
func TestReportOfAnAskedNodeDoesNotCount(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.delay = 10 * ms
		}
		r := b.round(nil)
		time.AfterFunc(5*ms, func() {
			for i := range b.nodes {
				r.Report(i, Answer{Vote: Taken})
			}
		})
		start := time.Now()
		require.True(t, r.Run(background))
		require.Equal(t, 10*ms, time.Since(start))
	})
}

// A joined node's answer is what is recorded for it, and is not waited for any longer than
// a call of the round's own.
func TestJoinedNodeIsWaitedFor(t *testing.T) {
	for _, answers := range []bool{true, false} {
		bubble(t, 3, func(b *bench) {
			b.nodes[1].reply = int64(0)
			r := b.round(nil)
			r.Join(2)
			require.True(t, r.Joins())
			if answers {
				time.AfterFunc(30*ms, func() { r.Report(2, Answer{Vote: Yes}) })
			}
			start := time.Now()
			require.Equal(t, answers, r.Run(background))
			require.Equal(t, map[bool]time.Duration{true: 30 * ms, false: bound}[answers], time.Since(start))
			require.Equal(t, !answers, r.Outcome().Left)
			require.Zero(t, b.nodes[2].asked())
		})
	}
}
