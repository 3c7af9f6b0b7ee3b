package examples_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The helpers of the examples' tests stay out of the programs, which a reader may
// copy.
func TestProgramsCompileNothingOfTests(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-deps"}, everyProgram...)...)
	cmd.Dir = root(t)
	out, err := cmd.Output()
	require.NoError(t, err)
	deps := strings.Fields(string(out))
	require.Contains(t, deps, "github.com/holdfast-go/holdfast/examples/internal/stage")
	for _, dep := range deps {
		assert.NotEqual(t, "testing", dep)
		assert.NotRegexp(t, `testify|goleak|/stagetest$`, dep)
	}
}
