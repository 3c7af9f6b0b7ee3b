package valkeygo_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// compiled are the packages that an application may compile with this one, but for the
// standard library.
var compiled = regexp.MustCompile(`^(` +
	`github.com/holdfast-go/holdfast/(driver|scripts|driver/valkeygo)|` +
	`github.com/valkey-io/valkey-go(/.+)?|` +
	`golang.org/x/sys/cpu` + // the client needs it
	`)$`)

// Who imports this driver compiles no other client, and nothing that only tests need.
func TestWhatAUserCompiles(t *testing.T) {
	said, err := exec.Command("go", "list", "-deps", "-f", "{{if or (not .Standard) (eq .ImportPath `testing`)}}{{.ImportPath}}{{end}}", ".").Output()
	require.NoError(t, err)
	packages := strings.Fields(string(said))
	require.Contains(t, packages, "github.com/valkey-io/valkey-go")
	for _, name := range packages {
		require.Regexp(t, compiled, name)
	}
}
