package filecycles

import (
	"fmt"
	"go/importer"
	"io"
	"os"
	"os/exec"
	"slices"
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
	packages := list(t, engine+"/...", drivers+"/...")
	checked := 0
	for path, p := range packages {
		if !isMeasured(path) {
			continue
		}
		checked += len(p.files)
		for _, cycle := range uses(t, path, p.sourcesOf(), lookup(packages)).cycles() {
			found := fmt.Sprintf("%d of %d files use each other: %s", len(cycle), len(p.files), strings.Join(cycle, " "))
			if len(cycle) > maxCycle {
				t.Errorf("%s: %s", path, found)
				continue
			}
			t.Logf("%s: %s", path, found)
		}
	}
	require.Greater(t, checked, 30, "files were found")
}

// layers are the files of the engine from the ground up, and what they do not know: what is
// asked of them does not lead through it. The package doc says so.
var layers = []struct {
	files   []string
	unknown []string
}{
	{[]string{
		"config.go", "errors.go", "causes.go", "token.go", "validity.go", "reply.go", "protocol.go", "engine.go", "node.go",
		"spec.go", "observer.go", "hookcalls.go", "quiet.go", "tries.go", "stake.go", "footprint.go", "site.go", "pending.go", "block.go", "renewal.go",
	}, []string{"lease.go"}},
	{[]string{
		"lease.go", "holder.go", "loss.go", "lose.go", "reasons.go", "lost.go", "hooks.go", "acquiring.go", "extend.go",
		"repair.go", "release.go", "check.go", "calls.go", "grant.go", "heir.go", "fence.go", "renew.go", "pass.go",
	}, []string{"ticket.go", "acquire.go"}},
	{[]string{"ticketdeadline.go", "membership.go", "ticket.go", "granted.go", "wait.go", "leftovers.go"}, []string{"acquire.go", "exclusive.go", "shared.go", "slots.go"}},
	{[]string{"acquire.go"}, []string{"exclusive.go", "shared.go", "slots.go"}},
}

func TestLayersOfTheEngine(t *testing.T) {
	packages := list(t, engine)
	g := uses(t, engine, packages[engine].sourcesOf(), lookup(packages))
	for _, file := range layers[1].files {
		require.True(t, g.reach("exclusive.go")[file] || g.reach("slots.go")[file], file)
	}
	for _, layer := range layers {
		for _, file := range layer.files {
			require.Contains(t, g, file)
			for _, above := range layer.unknown {
				require.NotContains(t, g.reach(file), above, file)
			}
		}
	}
}

// isMeasured reports that the limits hold for a package: of the engine, and of the drivers
// but for their suite, which is tests.
func isMeasured(path string) bool {
	return ofEngine(path) || isBelow(path, drivers) && !isBelow(path, drivers+"/drivertest")
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

// The fake nodes and the simulation's network know nothing of the engine, and only tests
// import them.
func TestFakesOfTheEngine(t *testing.T) {
	fakes := []string{engine + "/fakenode", engine + "/simnet"}
	for path, p := range list(t, module+"...") {
		isFake := slices.Contains(fakes, path)
		for _, imported := range p.imports {
			require.False(t, isFake && imported == engine, "%s imports %s", path, imported)
			require.False(t, !isFake && slices.Contains(fakes, imported), "%s imports %s", path, imported)
		}
	}
	require.Contains(t, list(t, fakes...)[fakes[1]].imports, fakes[0])
}
