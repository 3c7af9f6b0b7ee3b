package examples_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
)

// goRun runs "go run" with the arguments in the module's root folder, as the
// README says, and returns what the program printed and how it ended.
func goRun(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"run"}, args...)...)
	cmd.Dir = root(t)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// root is the module's root folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	require.NoError(t, err)
	return dir
}

// everyProgram is what takes -redis.
var everyProgram = []string{
	"./examples/quickstart", "./examples/mutex-goredis", "./examples/mutex-redigo",
	"./examples/workers", "./examples/worker-id", "./examples/catalog", "./examples/fencing", "./examples/leader",
	"./examples/matchmaker", "./examples/cache",
}

func TestProgramsRunAnywhere(t *testing.T) {
	for program, says := range map[string][]string{
		"./examples/quickstart": {
			"(embedded in this program)",
			"additions were lost.",
			"is taken away.",
			"With the lock:    the number is 200, and should be 200. Nothing was lost.",
			"100 additions were made before the node went and 100 after",
		},
		"./examples/mutex-goredis": {
			"(embedded in this program)",
			"First worker: locked; sending invoice 42.",
			"Second worker: another process holds it, on nodes [0].",
			"First worker: sent and unlocked.",
		},
		"./examples/mutex-redigo": {
			"(embedded in this program)",
			"First worker: locked; sending invoice 42.",
			"Second worker: mutex: ",
			"lock already taken, locked nodes: [0]",
			"First worker: sent and unlocked.",
		},
		"./examples/workers": {
			"(embedded in this program)",
			"of 200 requests failed.",
			"With the semaphore:    0 of 200 requests failed.",
		},
		"./examples/worker-id": {
			"(embedded in this program)",
			"Worker 1 is killed.",
			"No two living workers had the same id.",
		},
		"./examples/catalog": {
			"(embedded in this program)",
			"One of them: worker ",
			"With the lock:    0 of 240 reads were torn.",
			"no rewrite was lost.",
		},
		"./examples/fencing": {
			"(embedded in this program)",
			"It has 70, and should have 20.",
			"REFUSED",
			"It has 20, and should have 20. Nothing was lost.",
		},
		"./examples/leader": {
			"(embedded in this program)",
			"after the kill; the expiry is 2s.",
			"No two replicas led at the same time.",
		},
		"./examples/matchmaker": {
			"(embedded in this program)",
			"With the mutex: 0 players were lost, and 3 of 3 tickets are full.",
		},
		"./examples/cache": {
			"(embedded in this program)",
			"No entry, with the mutex: the source was asked 1 times.",
			"A stale entry, with the mutex: the source was asked 1 times.",
		},
	} {
		t.Run(filepath.Base(program), func(t *testing.T) {
			out, errs, err := goRun(t, program)
			require.NoError(t, err, "%s%s", out, errs)
			for _, text := range says {
				assert.Contains(t, out, text)
			}
		})
	}
}

func TestProgramsUseGivenServers(t *testing.T) {
	nodes := redistest.Start(t, 3)
	list := nodes[0].Addr() + "," + nodes[1].Addr() + "," + nodes[2].Addr()

	for _, program := range everyProgram {
		t.Run(filepath.Base(program), func(t *testing.T) {
			out, errs, err := goRun(t, program, "-redis", list)
			require.NoError(t, err, "%s%s", out, errs)
			assert.Contains(t, out, nodes[2].Addr()+" (given by -redis)")
		})
	}
}

func TestProgramsFailWithoutServers(t *testing.T) {
	nobody, err := loopback.Reserve() // else a server of another package may get the port
	require.NoError(t, err)
	t.Cleanup(nobody.Release)

	for _, program := range everyProgram {
		t.Run(filepath.Base(program), func(t *testing.T) {
			t.Parallel() // they mostly wait
			_, errs, err := goRun(t, program, "-redis", nobody.Addr())
			var exit *exec.ExitError
			require.ErrorAs(t, err, &exit)
			assert.Contains(t, errs, nobody.Addr())
			assert.Contains(t, errs, "exit status 1")
		})
	}
}
