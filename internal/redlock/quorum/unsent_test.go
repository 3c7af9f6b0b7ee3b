package quorum

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// busy has node 2 be asked by one flight at a time, of which one is under way.
func (b *bench) busy() (release func()) {
	release = b.nodes[2].hang()
	b.group.List()[2].Narrow(1)
	b.round(func(q *Question) { q.Token = "another" }).Run(background)
	return release
}

// What was not sent when the round closes is withdrawn, or is sent later.
func TestUnsentCalls(t *testing.T) {
	for _, c := range []struct {
		policy    Unsent
		won, sent bool
	}{
		{Withdraw, true, false}, {Withdraw, false, false},
		{LeaveWon, true, true}, {LeaveWon, false, false},
		{KeepWon, true, true}, {KeepWon, false, false},
		{Keep, true, true}, {Keep, false, true},
	} {
		bubble(t, 3, func(b *bench) {
			release := b.busy()
			if !c.won {
				b.nodes[0].reply, b.nodes[1].reply = int64(0), int64(0)
			}
			w := new(watcher)
			r := b.round(func(q *Question) { q.To, q.Unsent = w, c.policy })
			require.Equal(t, c.won, r.Run(background))
			withdrawn := w.since()
			release()
			sent := w.since()
			require.Equal(t, map[bool]int{true: 2, false: 1}[c.sent], b.nodes[2].asked(), c)
			if c.sent {
				require.Len(t, withdrawn, 2, c)
				require.Len(t, sent, 2, c)
			} else {
				require.Contains(t, withdrawn, "answered 2: 4", "an error: it has changed nothing")
				require.Empty(t, sent, c)
			}
		})
	}
}
