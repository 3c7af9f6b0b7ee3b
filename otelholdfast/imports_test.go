package otelholdfast_test

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// compiled are the packages that an application may compile with this one, but for the
// standard library: OpenTelemetry's API and what that needs.
var compiled = regexp.MustCompile(`^(` +
	`github\.com/holdfast-go/holdfast(/driver|/scripts|/otelholdfast)?|` +
	`go\.opentelemetry\.io/(otel|auto/sdk)(/.+)?|` +
	`github\.com/go-logr/(logr|stdr)(/.+)?|` +
	`github\.com/cespare/xxhash/v2` +
	`)$`)

// An application chooses the SDK and the exporter.
var chosen = regexp.MustCompile(`^go\.opentelemetry\.io/otel/(sdk|exporters)(/|$)`)

// Who imports this module compiles no client, no SDK, and nothing that only tests need.
func TestWhatAUserCompiles(t *testing.T) {
	const foreign = "{{if or (not .Standard) (eq .ImportPath `testing`)}}{{.ImportPath}}{{end}}"
	said, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", foreign, ".").Output()
	require.NoError(t, err)
	packages := strings.Fields(string(said))
	require.Contains(t, packages, "go.opentelemetry.io/otel/metric")
	for _, name := range packages {
		require.Regexp(t, compiled, name)
		require.NotRegexp(t, chosen, name)
	}
}
