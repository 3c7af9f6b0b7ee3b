package main

import (
	"bytes"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/holdfast-go/holdfast/examples/internal/demoredis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOldAndNewCodeExcludeEachOther(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), "", &out), out.String())
	assert.Contains(t, out.String(), "A worker with Redsync  added 50 times.")
	assert.Contains(t, out.String(), "A worker with Holdfast added 50 times.")
	assert.Contains(t, out.String(), "The number is 200, and should be 200.")
}

func TestDifferentLocksAreNoticed(t *testing.T) {
	nodes, err := demoredis.Open("", 3)
	require.NoError(t, err)
	defer nodes.Close()
	var out bytes.Buffer
	err = compete(t.Context(), nodes.Addrs, "one", "another", &out)
	assert.ErrorContains(t, err, "additions were lost")
}

func TestThreeServersAreNeeded(t *testing.T) {
	assert.ErrorContains(t, run(t.Context(), "127.0.0.1:1", &bytes.Buffer{}), "1 servers given, 3 needed")
}

// TestOnlyTheImportsDiffer keeps the promise that is made to users of Redsync.
func TestOnlyTheImportsDiffer(t *testing.T) {
	before, after := body(t, "before/before.go"), body(t, "after/after.go")
	assert.Equal(t, before, after)
	assert.Contains(t, before, "rs.NewMutex(name,")
}

// body returns what stands after the imports of a file.
func body(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	imports := regexp.MustCompile(`(?ms)\A.*?^import \(\n.*?^\)$`).FindIndex(text)
	require.NotNil(t, imports)
	return string(text[imports[1]:])
}
