package valkeygo_test

import (
	"go/format"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// names are rueidis's, and what valkey-go, which began as its copy, has in their place.
var names = []struct{ theirs, ours string }{
	{`github\.com/redis/rueidis`, "github.com/valkey-io/valkey-go"},
	{`driver/rueidis`, "driver/valkeygo"},
	{`rueidis: `, "valkeygo: "},
	{`(?m)^package rueidis`, "package valkeygo"},
	{`RedisResult`, "ValkeyResult"},
	{`IsRedis`, "IsValkey"},
	{`RedisError`, "ValkeyError"},
	{`holdfastrueidis`, "valkeygo"},
	{`Package rueidis makes a \[driver.Pool\] of a rueidis client`, "Package valkeygo makes a [driver.Pool] of a valkey-go client"},
	{`rueidis\.(SetPing|NewPool)`, "valkeygo.$1"},
	{`\brueidis\.`, "valkey."},
}

// Both clients have the same methods under other names, so both drivers are the same code:
// what is mended in one is mended in the other.
func TestSameAsRueidis(t *testing.T) {
	files, err := filepath.Glob("../rueidis/*.go")
	require.NoError(t, err)
	if len(files) == 0 {
		// As by a user who runs the tests of his dependencies. Here the other one is beside it.
		t.Skip("the module was downloaded alone")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, name := range names {
			text = regexp.MustCompile(name.theirs).ReplaceAll(text, []byte(name.ours))
		}
		want, err := format.Source(text)
		require.NoError(t, err)
		ours, err := os.ReadFile(filepath.Base(file))
		require.NoError(t, err)
		require.Equal(t, string(want), string(ours), filepath.Base(file))
	}
}
