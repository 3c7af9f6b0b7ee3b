package drivertest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// foreignCases are some that the driver in testdata/foreign passes, and one that it is
// not made for.
const foreignCases = "^TestDriver$/^(Replies|NoScriptInOtherWords|AnswersAreFinal|LostReply|Conns)$/^(nested|READONLY.*)?$"

// A driver in a module of its own, which is no part of Holdfast, is proven by the suite.
func TestForeignModule(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/foreign")))
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	const holdfast = "github.com/holdfast-go/holdfast"
	write(t, dir, "go.mod", "module example.com/foreign\n\ngo 1.25\n\nrequire "+holdfast+" v0.0.0\n\nreplace "+holdfast+" => "+root+"\n")
	sums, err := os.ReadFile(filepath.Join(root, "go.sum")) // so that next to nothing is downloaded
	require.NoError(t, err)
	write(t, dir, "go.sum", string(sums))

	run(t, dir, "mod", "tidy")
	said := run(t, dir, "test", "-v", "-run", foreignCases, ".")
	require.Contains(t, said, "--- PASS: TestDriver/Replies/nested")
	require.Contains(t, said, "--- SKIP: TestDriver/Conns")

	users := run(t, dir, "list", "-deps", "-f", "{{if or (not .Standard) (eq .ImportPath `testing`)}}{{.ImportPath}}{{end}}", holdfast+"/driver")
	require.Equal(t, []string{holdfast + "/scripts", holdfast + "/driver"}, strings.Fields(users))
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
}

// run runs the go command in the module, and returns what it says.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	command := exec.Command("go", args...)
	command.Dir, command.Env = dir, append(os.Environ(), "GOWORK=off")
	said, err := command.CombinedOutput()
	require.NoError(t, err, "go %v: %s", args, said)
	return string(said)
}
