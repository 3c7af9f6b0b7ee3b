package gocronholdfast_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// compiled lists what a program compiles that imports a package.
func compiled(t *testing.T, path string) []string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", path).Output()
	require.NoError(t, err)
	return strings.Fields(string(out))
}

// foreign are the client libraries, the drivers, and what only tests need.
var foreign = regexp.MustCompile(`redigo|redis/go-redis|rueidis|valkey|/driver/|miniredis|testify|goleak|internal/redistest|^testing$`)

func TestAUserCompilesNoDriver(t *testing.T) {
	deps := compiled(t, ".")
	require.Contains(t, deps, "github.com/holdfast-go/holdfast/mutex")
	require.Contains(t, deps, "github.com/go-co-op/gocron/v2")
	for _, dep := range deps {
		assert.NotRegexp(t, foreign, dep)
	}
}

// What the test above looks for would be found.
func TestADriverWouldBeFound(t *testing.T) {
	for _, driver := range []string{"goredis", "redigo"} {
		deps := compiled(t, "github.com/holdfast-go/holdfast/driver/"+driver)
		assert.Regexp(t, foreign, strings.Join(deps, "\n"))
	}
}
