package filecycles

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Limits of a package: of the methods of a type, and of the lines of a function.
const (
	maxMethods   = 25
	maxLongest   = 40
	maxMedian    = 8
	maxNinetieth = 18 // percentile
)

// shape is how large the functions of a package are, and how many methods its types have.
type shape struct {
	functions []function // the shortest first
	methods   map[string]int
}

type function struct {
	name  string
	lines int
}

// shapeOf measures a package. A source is a file's text, or nil to read the file.
func shapeOf(t *testing.T, sources map[string]any) shape {
	t.Helper()
	fset := token.NewFileSet()
	s := shape{methods: make(map[string]int)}
	line := func(pos token.Pos) int { return fset.Position(pos).Line }
	for name, source := range sources {
		file, err := parser.ParseFile(fset, name, source, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := f.Name.Name
			if f.Recv != nil {
				of := receiver(f.Recv.List[0].Type)
				s.methods[of]++
				name = of + "." + name
			}
			s.functions = append(s.functions, function{name, line(f.End()) - line(f.Pos()) + 1})
		}
	}
	slices.SortFunc(s.functions, func(a, b function) int { return a.lines - b.lines })
	return s
}

// receiver is the name of a method's type.
func receiver(of ast.Expr) string {
	switch of := of.(type) {
	case *ast.StarExpr:
		return receiver(of.X)
	case *ast.IndexExpr:
		return receiver(of.X)
	case *ast.IndexListExpr:
		return receiver(of.X)
	case *ast.Ident:
		return of.Name
	}
	return ""
}

// percentile is how many lines a function has that so many percent do not exceed.
func (s shape) percentile(percent int) int {
	n := len(s.functions)
	if n == 0 {
		return 0
	}
	return s.functions[max(0, (n*percent+99)/100-1)].lines
}

// faults are the limits that a package exceeds.
func (s shape) faults() (faults []string) {
	for of, n := range s.methods {
		if n > maxMethods {
			faults = append(faults, fmt.Sprintf("%s has %d methods, more than %d", of, n, maxMethods))
		}
	}
	for _, f := range s.functions {
		if f.lines > maxLongest {
			faults = append(faults, fmt.Sprintf("%s has %d lines, more than %d", f.name, f.lines, maxLongest))
		}
	}
	if n := s.percentile(50); n > maxMedian {
		faults = append(faults, fmt.Sprintf("the median of the functions' lines is %d, more than %d", n, maxMedian))
	}
	if n := s.percentile(90); n > maxNinetieth {
		faults = append(faults, fmt.Sprintf("the 90th percentile of the functions' lines is %d, more than %d", n, maxNinetieth))
	}
	slices.Sort(faults)
	return faults
}

// sourcesOf are the files of a listed package, to be read.
func (p listed) sourcesOf() map[string]any {
	sources := make(map[string]any)
	for _, file := range p.files {
		sources[filepath.Join(p.dir, file)] = nil
	}
	return sources
}

func TestShapeOfTheEngine(t *testing.T) {
	checked := 0
	for path, p := range list(t, engine+"/...", drivers+"/...") {
		if !isMeasured(path) {
			continue
		}
		checked++
		s := shapeOf(t, p.sourcesOf())
		t.Logf("%s: %d functions, median %d, 90th percentile %d, longest %d lines", path, len(s.functions), s.percentile(50), s.percentile(90), s.percentile(100))
		for _, fault := range s.faults() {
			t.Errorf("%s: %s", path, fault)
		}
	}
	require.Greater(t, checked, 8, "packages were found")
}

func TestShape(t *testing.T) {
	const text = `package p
		func (t *thing) one() {}
		func (t thing) two() {
		}
		func (g generic[T]) three() {
			a()
		}
		func (g *pair[K, V]) four() {
			a()
			b()
		}
		func five() {
			a()
			b()
			c()
		}
	`
	s := shapeOf(t, map[string]any{"p.go": text})
	require.Equal(t, map[string]int{"thing": 2, "generic": 1, "pair": 1}, s.methods)
	require.Equal(t, []function{{"thing.one", 1}, {"thing.two", 2}, {"generic.three", 3}, {"pair.four", 4}, {"five", 5}}, s.functions)
	for percent, lines := range map[int]int{0: 1, 20: 1, 21: 2, 50: 3, 90: 5, 100: 5} {
		require.Equal(t, lines, s.percentile(percent), "%d", percent)
	}
	require.Empty(t, s.faults())
	require.Empty(t, shape{}.faults())
}

func TestFaults(t *testing.T) {
	s := shape{methods: map[string]int{"small": maxMethods, "large": maxMethods + 1}}
	for _, lines := range []int{1, maxMedian + 1, maxMedian + 1, maxNinetieth, maxNinetieth + 1, maxLongest + 1} {
		s.functions = append(s.functions, function{fmt.Sprint("f", lines), lines})
	}
	require.Equal(t, []string{
		"f41 has 41 lines, more than 40",
		"large has 26 methods, more than 25",
		"the 90th percentile of the functions' lines is 41, more than 18",
		"the median of the functions' lines is 9, more than 8",
	}, s.faults())
}
