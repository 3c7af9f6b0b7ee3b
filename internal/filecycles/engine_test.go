package filecycles

import (
	"fmt"
	"go/importer"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const engine = "github.com/holdfast-go/holdfast/internal/redlock"

// maxCycle is how many files may need each other. More are logged, but do not fail the
// test yet: most files of the engine itself are in one cycle.
const maxCycle = 4

// listed is a package as go list knows it.
type listed struct {
	path, export, dir string
	files, imports    []string
}

// list lists packages and all that they import.
func list(t *testing.T, patterns ...string) map[string]listed {
	t.Helper()
	const format = `{{.ImportPath}}|{{.Export}}|{{.Dir}}|{{join .GoFiles " "}}|{{join .Imports " "}}`
	command := exec.Command("go", append([]string{"list", "-export", "-deps", "-f", format}, patterns...)...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	require.NoError(t, err)
	packages := make(map[string]listed)
	for line := range strings.Lines(string(out)) {
		part := strings.Split(strings.TrimSpace(line), "|")
		require.Len(t, part, 5, line)
		packages[part[0]] = listed{part[0], part[1], part[2], strings.Fields(part[3]), strings.Fields(part[4])}
	}
	return packages
}

// lookup finds what the compiler has exported of a package.
func lookup(packages map[string]listed) importer.Lookup {
	return func(path string) (io.ReadCloser, error) {
		p, ok := packages[path]
		if !ok || p.export == "" {
			return nil, fmt.Errorf("filecycles: %s was not compiled", path)
		}
		return os.Open(p.export)
	}
}

func exports(t *testing.T, paths ...string) importer.Lookup { return lookup(list(t, paths...)) }

func ofEngine(path string) bool { return path == engine || strings.HasPrefix(path, engine+"/") }

func TestFilesOfTheEngine(t *testing.T) {
	packages := list(t, engine+"/...")
	checked := 0
	for path, p := range packages {
		if !ofEngine(path) {
			continue
		}
		checked += len(p.files)
		sources := make(map[string]any)
		for _, file := range p.files {
			sources[filepath.Join(p.dir, file)] = nil
		}
		for _, cycle := range uses(t, path, sources, lookup(packages)).cycles() {
			much := ""
			if len(cycle) > maxCycle {
				much = fmt.Sprintf(", more than %d", maxCycle)
			}
			t.Logf("%s: %d of %d files use each other%s: %s", path, len(cycle), len(p.files), much, strings.Join(cycle, " "))
		}
	}
	require.Greater(t, checked, 30, "files were found")
}

// The compiler would not have it either; this says which packages they are.
func TestPackagesOfTheEngine(t *testing.T) {
	g := make(graph)
	for path, p := range list(t, engine+"/...") {
		for _, imported := range p.imports {
			if ofEngine(path) && ofEngine(imported) {
				g.edge(path, imported)
			}
		}
	}
	require.Greater(t, len(g), 3, "packages were found")
	require.Empty(t, g.cycles())
}
