package stagetest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/examples/internal/stage"
	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
)

// Run runs the program in this process and returns all it said.
func Run[J stage.Job, D stage.Demo](
	t *testing.T, p stage.Program[J, D], args []string, changes ...func(D),
) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs Output
	status = p.Run(t.Context(), args, &out, &errs, changes...)
	return status, out.String(), errs.String()
}

// RunUnreachable runs the program with an address where nobody listens, and that nobody
// else is given meanwhile. It checks that the program fails and names the address, and
// returns its standard output.
func RunUnreachable[J stage.Job, D stage.Demo](t *testing.T, p stage.Program[J, D]) (stdout string) {
	t.Helper()
	nobody, err := loopback.Reserve()
	require.NoError(t, err)
	defer nobody.Release()
	status, out, errs := Run(t, p, []string{"-redis", nobody.Addr()})
	assert.Equal(t, 1, status)
	assert.Contains(t, errs, nobody.Addr())
	return out
}

// CheckArguments checks what the program does with arguments that ask for help or
// are wrong.
func CheckArguments[J stage.Job, D stage.Demo](t *testing.T, p stage.Program[J, D]) {
	t.Helper()
	for arg, want := range map[string]int{"-h": 0, "-nonsense": 2, "surplus": 2} {
		status, out, errs := Run(t, p, []string{arg})
		assert.Equal(t, want, status, arg)
		assert.Empty(t, out, arg)
		assert.Contains(t, errs, "-redis", arg)
	}
}
