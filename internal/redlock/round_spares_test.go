package redlock

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A silent node is waited for when the others that have a vote are too few.
func TestSilentNodesAreNeededWhenANodeIsOnProbation(t *testing.T) {
	for name, call := range map[string]func(*Exclusive, context.Context) (bool, error){
		"valid": (*Exclusive).Valid, "extend": (*Exclusive).Extend,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, 5, func(b *bench) {
				x := b.object(nil)
				b.lockAll(x)
				b.nodes[0].restart()
				b.extend(x) // repairs node 0, which is on probation from now on
				synctest.Wait()
				b.silence(3, 4) // and have come back since
				ok, err := call(x, context.Background())
				require.NoError(b, err)
				require.True(b, ok)
				b.unlock(x)
			})
		})
	}
}

func TestSilentNodesAreNeededWhenOthersNeverHadTheToken(t *testing.T) {
	bubble(t, 5, func(b *bench) {
		b.nodes[3].put("name", "somebody else", DefaultExpiry)
		b.nodes[4].put("name", "somebody else", DefaultExpiry)
		x := b.object(nil)
		b.lock(x)
		synctest.Wait()
		b.silence(2) // and has come back since
		b.unlock(x)
	})
}
