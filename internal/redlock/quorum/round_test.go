package quorum

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var background = context.Background()

func TestMajorityDecides(t *testing.T) {
	for _, c := range []struct {
		replies []any
		won     bool
	}{
		{[]any{int64(1)}, true},
		{[]any{int64(0)}, false},
		{[]any{int64(1), int64(0)}, false},
		{[]any{int64(1), int64(0), int64(1)}, true},
		{[]any{int64(1), int64(-1), int64(0)}, false},
		{[]any{int64(1), int64(1), int64(0), int64(0)}, false},
		{[]any{int64(0), int64(1), int64(1), int64(0), int64(1)}, true},
		{[]any{"a reply of another shape", "", int64(1)}, false},
	} {
		bubble(t, len(c.replies), func(b *bench) {
			for i, reply := range c.replies {
				b.nodes[i].reply = reply
			}
			r := b.round(func(q *Question) {
				q.Read = func(reply any) (Answer, bool) {
					if _, ok := reply.(string); ok {
						return Answer{Vote: Yes}, false
					}
					return read(reply)
				}
			})
			require.Equal(t, c.won, r.Run(background), c.replies)
			require.Equal(t, c.won, r.Outcome().Won)
		})
	}
}

// The caller does not wait for stragglers, and the observer gets their answers.
func TestStragglerIsReported(t *testing.T) {
	for won, reply := range map[bool]int64{true: 1, false: 0} {
		bubble(t, 3, func(b *bench) {
			b.nodes[0].reply, b.nodes[1].reply = reply, reply
			b.nodes[2].delay = 50 * ms
			w := new(watcher)
			start := time.Now()
			r := b.round(func(q *Question) { q.To = w })
			require.Equal(t, won, r.Run(background))
			require.Zero(t, time.Since(start))
			require.Len(t, w.since(), 2)
			require.True(t, r.Voter(2).Background)
			time.Sleep(50 * ms)
			require.Equal(t, []string{"answered 2: 1", map[bool]string{true: "late 2: 1 of true", false: "late 2: 1 of false"}[won]}, w.since())
		})
	}
}

// What the observer makes of an answer is what counts.
func TestObserverHasTheLastWord(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		require.False(t, b.round(func(q *Question) { q.To = &watcher{turns: Missing} }).Run(background))
	})
}

// A caller that has had enough leaves a round that is not decided.
func TestCallerLeaves(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, n := range b.nodes {
			n.delay = 50 * ms
		}
		ctx, cancel := context.WithTimeout(background, 20*ms)
		defer cancel()
		w := new(watcher)
		r := b.round(func(q *Question) { q.To = w })
		start := time.Now()
		require.False(t, r.Run(ctx))
		require.Equal(t, 20*ms, time.Since(start))
		require.True(t, r.Outcome().Left)
		time.Sleep(50 * ms)
		require.Len(t, w.since(), 6, "each has answered, late")
		require.False(t, r.Outcome().Won)
	})
}

// Nodes that do not answer within the bound do not vote any more.
func TestLateNodesEndTheRound(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[1].delay, b.nodes[2].delay = 150*ms, 150*ms
		r := b.round(nil)
		start := time.Now()
		require.False(t, r.Run(background))
		require.Equal(t, bound, time.Since(start))
		require.True(t, r.Outcome().Left)
		require.ErrorIs(t, r.Voter(1).Err, ErrNoAnswer)
	})
}

func TestRunThenReportsTheDecision(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[0].delay, b.nodes[1].delay, b.nodes[2].delay = 10*ms, 20*ms, 30*ms
		start, won := time.Now(), make(chan bool, 1)
		b.round(nil).RunThen(func(r *Round) { won <- r.Outcome().Won })
		require.True(t, <-won)
		require.Equal(t, 20*ms, time.Since(start))
	})
}

// Validity counts from the first of the votes that were sent.
func TestStartIsTheFirstVotes(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		release := b.nodes[0].hang()
		b.group.List()[0].Narrow(1)
		b.round(nil).Run(background) // keeps node 0 busy
		time.Sleep(10 * ms)
		start := time.Now()
		b.nodes[1].delay, b.nodes[2].reply = 20*ms, int64(0)
		time.AfterFunc(5*ms, release)
		r := b.round(func(q *Question) { q.Token = "another" })
		require.True(t, r.Run(background))
		require.Equal(t, start, r.Outcome().Start.Time)
	})
}

// Nodes that choose differently agree only where a majority has chosen the same.
func TestVotesAgreeOnAChoice(t *testing.T) {
	for _, c := range []struct {
		replies []any
		agreed  string
		won     bool
	}{
		{[]any{"1", "1", "1"}, "1", true},
		{[]any{"1", "2", "2"}, "2", true},
		{[]any{"1", "2", "3"}, "", false},
		{[]any{"1", "2", int64(0)}, "", false},
		{[]any{"1", "2", "2", "1", "1"}, "1", true},
	} {
		bubble(t, len(c.replies), func(b *bench) {
			for i, reply := range c.replies {
				b.nodes[i].reply, b.nodes[i].delay = reply, time.Duration(i)*ms
			}
			r := b.round(nil)
			require.Equal(t, c.won, r.Run(background))
			if c.won {
				require.Equal(t, c.agreed, r.Outcome().Agreed)
			}
			v := r.Voter(1)
			require.Equal(t, v.Choice != r.Outcome().Agreed, r.Differs(&v.Answer))
		})
	}
}

func TestLargestNumberIsReported(t *testing.T) {
	bubble(t, 5, func(b *bench) {
		for i, number := range []int64{200, 300, 300, 400, 400} {
			b.nodes[i].reply, b.nodes[i].delay = number, time.Duration(i)*ms
		}
		r := b.round(nil)
		require.True(t, r.Run(background))
		o := r.Outcome()
		require.EqualValues(t, 300, o.Number)
		require.Equal(t, 2, o.Said)
	})
}

// A refusal waits until a majority has given its details, where these are wanted.
func TestRefusalWaitsForDetails(t *testing.T) {
	for _, detailed := range []bool{false, true} {
		bubble(t, 4, func(b *bench) {
			for i, n := range b.nodes {
				n.reply, n.delay = "-details", time.Duration(i)*ms
			}
			start := time.Now()
			require.False(t, b.round(func(q *Question) { q.Detailed = detailed }).Run(background))
			require.Equal(t, map[bool]time.Duration{false: ms, true: 2 * ms}[detailed], time.Since(start))
		})
	}
}

func TestAllAnswersAreWaitedForWhereThatIsWanted(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		b.nodes[2].delay = 50 * ms
		start := time.Now()
		r := b.round(func(q *Question) { q.All = true })
		require.True(t, r.Run(background))
		require.Equal(t, 50*ms, time.Since(start))
		yes := 0
		for _, v := range r.Voters() {
			if v.Vote == Yes {
				yes++
			}
		}
		require.Equal(t, 3, yes)
	})
}

// The first node is drawn anew for each round where that is wanted, and only there.
func TestShuffledRoundsBeginAnywhere(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for _, shuffle := range []bool{false, true} {
			first := make(map[int]bool)
			for range 100 {
				first[b.round(func(q *Question) { q.Shuffle = shuffle }).first] = true
			}
			require.Len(b, first, map[bool]int{false: 1, true: 3}[shuffle])
			require.True(b, shuffle || first[0])
		}
	})
}

// A round that another one has used before knows nothing of it.
func TestRoundsAreUsedAgain(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		for i := range 20 {
			b.nodes[i%3].says(int64(0))
			r := b.round(func(q *Question) { q.Memo = i })
			require.True(t, r.Run(background))
			require.Equal(t, i, r.Memo)
			b.nodes[i%3].says(int64(1))
			r.Done()
		}
	})
}
