package redlock

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A node behind a shut gate is asked when the others that have a vote are too few.
func TestShutNodesAreNeededWhenNodesAreOnProbation(t *testing.T) {
	for name, call := range map[string]func(*Exclusive, context.Context) (bool, error){
		"valid": (*Exclusive).Valid, "extend": (*Exclusive).Extend,
	} {
		for _, c := range []struct{ probation, shut []int }{
			{[]int{0}, []int{3, 4}},
			{[]int{0, 2}, []int{0, 1}}, // of the two, only the second has a vote
		} {
			t.Run(fmt.Sprint(name, c), func(t *testing.T) {
				bubble(t, 5, func(b *bench) {
					x := b.object(nil)
					b.lockAll(x)
					b.restarted(c.probation...)
					b.extend(x) // repairs them, and they are on probation from now on
					synctest.Wait()
					b.probe(c.shut...)
					ok, err := call(x, context.Background())
					require.NoError(b, err)
					require.True(b, ok)
					b.unlock(x)
				})
			})
		}
	}
}

func TestShutNodesAreNeededWhenOthersNeverHadTheToken(t *testing.T) {
	bubble(t, 5, func(b *bench) {
		b.nodes[3].put("name", "somebody else", DefaultExpiry)
		b.nodes[4].put("name", "somebody else", DefaultExpiry)
		x := b.object(nil)
		b.lock(x)
		synctest.Wait()
		b.probe(2)
		b.unlock(x)
	})
}

// What a shut node is not needed for is owed, as before, and not sent.
func TestShutNodesThatAreNotNeededAreOwedTheRelease(t *testing.T) {
	bubble(t, 5, func(b *bench) {
		x := b.object(nil)
		b.lockAll(x)
		b.probe(3, 4)
		b.unlock(x)
		synctest.Wait()
		for i := range b.nodes {
			require.Equal(b, i > 2, b.nodes[i].holder("name") != "", "node %d", i)
		}
	})
}

func TestShutNodesAreNeededWhenAReleaseOfTheValueIsUnanswered(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(func(c *Config) { c.SetGenValue(func() (string, error) { return "same", nil }) })
		b.lockAll(x)
		b.away(errLostReply, 0) // its release is without an answer
		b.unlock(x)
		synctest.Wait()
		b.probe(1)
		require.NoError(b, x.TryLock(context.Background()))
		b.back(0)
		b.unlock(x)
	})
}
