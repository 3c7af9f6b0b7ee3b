package examples_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// beginnersExamples are what a newcomer does, by the folders of the packages.
var beginnersExamples = map[string][]string{
	"mutex": {
		"Example", "ExampleNew", "ExampleMutex_Do", "ExampleMutex_Do_lost", "ExampleMutex_Lost", "ExampleMutex_Fence",
		"ExampleMutex_LockContext", "ExampleMutex_LockContext_errors", "ExampleMutex_TryLock", "ExampleMutex_Locker",
	},
	"rwmutex": {
		"Example", "ExampleNew", "ExampleRWMutex_Do", "ExampleRWMutex_RDo", "ExampleRWMutex_RLost", "ExampleRWMutex_Fence",
		"ExampleRWMutex_Downgrade", "ExampleRWMutex_RLocker",
	},
	"semaphore": {
		"Example", "ExampleNew", "ExampleSemaphore_Do", "ExampleSemaphore_AcquireContext", "ExampleSemaphore_AcquireN",
		"ExampleSemaphore_TryAcquire", "ExamplePermit_Slots", "ExamplePermit_Lost",
	},
	"driver/goredis":  {"ExampleNewPool", "ExampleNewPool_majority", "ExampleNewPool_sentinel", "ExampleNewPool_cluster"},
	"driver/redigo":   {"ExampleNewPool", "ExampleNewPool_majority"},
	"driver/rueidis":  {"ExampleNewPool", "ExampleNewPool_majority"},
	"driver/valkeygo": {"ExampleNewPool", "ExampleNewPool_majority"},
	".":               {"ExampleHooks", "ExampleLogHooks", "ExampleJoinHooks"},
	"inspect":         {"Example", "ExampleInspector_Release"},
	"otelholdfast":    {"Example"},
	"gocronholdfast":  {"ExampleLocker", "ExampleElector"},
}

// The page of a package shows an example's own lines, and nothing of the files around it.
// go/doc makes a program of each that is complete, as the page's button "Run" needs.
func TestExamplesNeedNothingThatThePageDoesNotShow(t *testing.T) {
	for dir, names := range beginnersExamples {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", dir, "example_test.go"), nil, parser.ParseComments)
		require.NoError(t, err)
		for _, spec := range file.Imports {
			assert.NotContains(t, spec.Path.Value, "/internal/", dir)
		}
		var found []string
		for _, example := range doc.Examples(file) {
			found = append(found, "Example"+example.Name)
			assert.NotEmpty(t, example.Doc, "%s: Example%s", dir, example.Name)
			if assert.NotNil(t, example.Play, "%s: Example%s uses what another file has", dir, example.Name) {
				assert.Equal(t, []string{"main"}, declaredBy(example.Play), "%s: Example%s", dir, example.Name)
			}
		}
		assert.Subset(t, found, names, dir)
	}
}

// declaredBy returns the names that a program declares.
func declaredBy(program *ast.File) []string {
	var names []string
	for _, decl := range program.Decls {
		names = append(names, declared(decl)...)
	}
	return names
}
