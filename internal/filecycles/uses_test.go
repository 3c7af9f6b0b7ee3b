package filecycles

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// uses are the uses between the files of a package, by their base names. A source is a
// file's text, or nil to read the file.
func uses(t *testing.T, path string, sources map[string]any, imports importer.Lookup) graph {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	g := make(graph)
	for name, source := range sources {
		file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
		g.node(filepath.Base(name))
	}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", imports)}
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	pkg, err := config.Check(path, fset, files, info)
	require.NoError(t, err)
	fileOf := func(pos token.Pos) string { return filepath.Base(fset.Position(pos).Filename) }
	for ident, object := range info.Uses {
		if object.Pkg() != pkg {
			continue
		}
		if _, isImport := object.(*types.PkgName); isImport {
			continue
		}
		if from, to := fileOf(ident.Pos()), fileOf(object.Pos()); from != to {
			g.edge(from, to)
		}
	}
	return g
}

// Every kind of name counts as a use of the file that declares it, and nothing else does.
func TestUses(t *testing.T) {
	const things = `package p
		type thing struct { field int }
		func function() {}
		const constant = 1
		var variable int
		type generic[T any] struct { part T }
		type doer interface { do() }
	`
	imports := exports(t, "io", "errors")
	for text, want := range map[string][]string{
		"func f(thing) {}":                                        {"things.go"},
		"func f() { function() }":                                 {"things.go"},
		"func f() int { return constant }":                        {"things.go"},
		"func f() int { return variable }":                        {"things.go"},
		"func f() { over(here).method() }":                        {"methods.go"},
		"func f() int { return over(here).field }":                {"methods.go", "things.go"},
		"func f() { outer{}.method() }":                           {"methods.go"},
		"func f(g generic[int]) int { return g.part }":            {"things.go"},
		"func f(d interface{ do() }) { d.do() }":                  nil,
		"func f() { function := func() {}; function() }":          nil,
		`import ("io"; "errors"); var f = errors.Is(io.EOF, nil)`: nil,
	} {
		g := uses(t, "p", map[string]any{
			"things.go":  things,
			"methods.go": "package p; func (t thing) method() {}; var here thing; type outer struct { thing }; func over(t thing) thing { return t }",
			"f.go":       "package p\n" + text,
		}, imports)
		require.ElementsMatch(t, want, slices.Collect(maps.Keys(g["f.go"])), text)
		require.Equal(t, graph{"f.go": g["f.go"], "methods.go": {"things.go": true}, "things.go": {}}, g)
	}
}
