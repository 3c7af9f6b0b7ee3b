package filecycles

import (
	"fmt"
	"go/importer"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module  = "github.com/holdfast-go/holdfast/"
	engine  = module + "internal/redlock"
	drivers = module + "driver"
)

// maxCycle is how many files may need each other.
const maxCycle = 4

// unfinished are packages whose faults are only logged.
var unfinished = map[string]bool{
	engine:              true, // most of its files are in one cycle
	drivers + "/redigo": true, // its median function has ten lines
}

// report fails the test for a fault of a package, or logs it.
func report(t *testing.T, path, fault string) {
	t.Helper()
	if unfinished[path] {
		t.Logf("%s: %s", path, fault)
		return
	}
	t.Errorf("%s: %s", path, fault)
}

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

func ofEngine(path string) bool { return isBelow(path, engine) }

// isBelow reports that a package is another, or lies below it.
func isBelow(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

func TestFilesOfTheEngine(t *testing.T) {
	packages := list(t, engine+"/...")
	checked := 0
	for path, p := range packages {
		if !ofEngine(path) {
			continue
		}
		checked += len(p.files)
		for _, cycle := range uses(t, path, p.sourcesOf(), lookup(packages)).cycles() {
			found := fmt.Sprintf("%d of %d files use each other: %s", len(cycle), len(p.files), strings.Join(cycle, " "))
			if len(cycle) > maxCycle {
				report(t, path, found)
				continue
			}
			t.Logf("%s: %s", path, found)
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
