package redistest

import (
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// SeedVariable names one seed for [Seeds], in place of many.
const SeedVariable = "HOLDFAST_SEED"

// Seeds are the seeds of a random test: 0 to n-1, or the one that [SeedVariable] names. On
// embedded nodes, which take several times as long for a script, they are a third of these.
func Seeds(t testing.TB, n int) (seeds []uint64) {
	t.Helper()
	if word := os.Getenv(SeedVariable); word != "" {
		seed, err := strconv.ParseUint(word, 10, 64)
		require.NoError(t, err, SeedVariable)
		return []uint64{seed}
	}
	if Backend() == "embedded" {
		n /= 3
	}
	for seed := range n {
		seeds = append(seeds, uint64(seed))
	}
	return seeds
}
