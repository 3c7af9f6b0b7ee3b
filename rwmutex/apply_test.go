package rwmutex

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redlock"
)

// What options without a visible effect of their own set, and leave as it was.
func TestSwitches(t *testing.T) {
	for _, c := range []struct {
		option            Option
		shuffled, renewed bool
	}{
		{WithTries(3), false, false},
		{WithShufflePools(true), true, false},
		{WithShufflePools(false), false, false},
		{WithAutoExtend(), false, true},
	} {
		config := redlock.DefaultConfig()
		c.option.apply(&config)
		require.Equal(t, c.shuffled, config.ShufflePools)
		require.Equal(t, c.renewed, config.AutoExtend)
	}
}
