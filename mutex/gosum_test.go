package mutex_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tidied returns the go.sum that go mod tidy writes for a module that imports the
// packages. It starts from the project's own, so that it downloads next to nothing.
func tidied(t *testing.T, packages ...string) string {
	t.Helper()
	dir, root := t.TempDir(), filepath.Dir(golist(t, "-m", "-f", "{{.GoMod}}")[0])
	name := module[:len(module)-1]
	program := "package main\n\n"
	for _, p := range packages {
		program += `import _ "` + module + p + "\"\n"
	}
	write(t, dir, "main.go", program+"\nfunc main() {}\n")
	write(t, dir, "go.mod", "module example.com/user\n\ngo 1.25\n\nrequire "+name+" v0.0.0\n\nreplace "+name+" => "+root+"\n")
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	write(t, dir, "go.sum", string(sums))

	tidy := exec.Command("go", "mod", "tidy")
	tidy.Dir, tidy.Env = dir, append(os.Environ(), "GOWORK=off")
	said, err := tidy.CombinedOutput()
	require.NoError(t, err, "%s", said)
	sums, err = os.ReadFile(filepath.Join(dir, "go.sum"))
	require.NoError(t, err)
	return string(sums)
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
}

// What runs containers for this project's tests is not in a user's go.sum, where a
// scanner would look for its faults.
func TestAUsersGoSumHasNoContainers(t *testing.T) {
	engines := regexp.MustCompile(`(?im)^.*(docker|moby|runc|containerd|opencontainers|go-winio|podman).*$`)
	ours, err := os.ReadFile(filepath.Join("..", "go.sum"))
	require.NoError(t, err)
	assert.Empty(t, engines.FindAllString(string(ours), -1), "the project's own")
	for _, driver := range []string{"driver/goredis", "driver/redigo"} {
		sums := tidied(t, "mutex", driver)
		assert.Contains(t, sums, "redis", "it was not written for these packages")
		assert.Empty(t, engines.FindAllString(sums, -1))
		assert.NotRegexp(t, "rueidis|valkey-go", sums, "clients of other drivers")
	}
}
