package examples_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// page returns the text of a page, by its path from the project's root.
func page(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", path))
	require.NoError(t, err)
	return string(text)
}

// pages lists all pages of a reader's: the root's and those in docs.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"../*.md", "../docs/*.md", "../bench/*.md", "../examples/*.md", "../internal/redlock/model/*.md", "../.github/*.md"} {
		found, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, found, pattern)
		for _, path := range found {
			all = append(all, strings.TrimPrefix(path, "../"))
		}
	}
	return all
}

// blocks returns what stands between the fences of a page's blocks in a
// language.
func blocks(text, language string) []string {
	var found []string
	fence := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$")
	for _, match := range fence.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

// programs returns the source of every Go file of the examples, by path, but
// for tests. All of it is compiled: that of the module in
// migrate-from-redsync by that module's own tests.
func programs(t *testing.T) map[string]string {
	t.Helper()
	sources := make(map[string]string)
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		sources[path] = string(text)
		return err
	})
	require.NoError(t, err)
	return sources
}

func TestEverySnippetIsCompiled(t *testing.T) {
	sources := programs(t)
	count := 0
	for _, path := range pages(t) {
		for _, snippet := range blocks(page(t, path), "go") {
			count++
			compiled := false
			for _, source := range sources {
				compiled = compiled || strings.Contains(source, "\n"+snippet)
			}
			assert.True(t, compiled, "%s: no program contains this, line by line:\n%s", path, snippet)
		}
	}
	require.GreaterOrEqual(t, count, 9, "Do, each driver, semaphore, read-write lock, fencing, errors, migration")
}

func TestEveryProgramOfTheReadmeIsThere(t *testing.T) {
	text := page(t, "README.md")
	commands := regexp.MustCompile(`go run (\./[a-z/-]+)`).FindAllStringSubmatch(text, -1)
	require.NotEmpty(t, commands)
	for _, command := range commands {
		assert.DirExists(t, filepath.Join("..", command[1]))
	}
	assert.Contains(t, text, "\ngo run ./examples/quickstart\n")
	assert.Contains(t, text, "\ngo test ./...\n")
}

// notOurs are names that begin as a test's do.
var notOurs = []string{"TestOnBorrow"} // a field of redigo's pool

// A page may end the name of several tests by "…".
func TestEveryTestOnAPageIsThere(t *testing.T) {
	there := testNames(t)
	count := 0
	for _, path := range pages(t) {
		for _, match := range regexp.MustCompile(`\b((?:Test|Fuzz|Benchmark)[A-Z]\w+)(\$?)`).FindAllStringSubmatch(page(t, path), -1) {
			if slices.Contains(notOurs, match[1]) {
				continue
			}
			count++
			found := slices.ContainsFunc(there, func(name string) bool {
				return name == match[1] || match[2] == "" && strings.HasPrefix(name, match[1])
			})
			assert.True(t, found, "%s names %s, and there is no such test", path, match[1])
		}
	}
	require.Greater(t, count, 20)
}

// testNames are those of all tests in the project.
func testNames(t *testing.T) []string {
	t.Helper()
	var names []string
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range declared.FindAllStringSubmatch(string(text), -1) {
			names = append(names, match[1])
		}
		return err
	})
	require.NoError(t, err)
	return names
}

func TestTheTableOfExamplesIsComplete(t *testing.T) {
	programs, err := filepath.Glob("*/main.go")
	require.NoError(t, err)
	require.Greater(t, len(programs), 9)
	var described []string
	for _, row := range regexp.MustCompile(`(?m)^\| \[[a-z-]+\]\(([a-z-]+/main\.go)\) \|`).FindAllStringSubmatch(page(t, "examples/README.md"), -1) {
		described = append(described, row[1])
	}
	assert.ElementsMatch(t, programs, described)
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	for _, path := range pages(t) {
		for _, link := range regexp.MustCompile(`\]\(([^)#\s]*)(#[^)]+)?\)`).FindAllStringSubmatch(page(t, path), -1) {
			file, anchor := link[1], link[2]
			if strings.Contains(file, "://") {
				continue
			}
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
				assert.FileExists(t, filepath.Join("..", target), path)
			}
			if anchor != "" {
				assert.Contains(t, anchors(page(t, target)), anchor, "%s to %s", path, target)
			}
		}
	}
}

// anchors returns the targets of a page's own headings.
func anchors(text string) []string {
	var all []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all = append(all, "#"+strings.ReplaceAll(name, " ", "-"))
	}
	return all
}

func TestTheOptionsTableIsComplete(t *testing.T) {
	table := page(t, "docs/options.md")
	var described []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(With\\w+)").FindAllStringSubmatch(table, -1) {
		described = append(described, row[1])
	}
	slices.Sort(described)
	assert.Equal(t, exported(t, "../mutex", "With"), described)
}

func TestTheOptionsTableListsTheSemaphoresOptions(t *testing.T) {
	table := page(t, "docs/options.md")
	var described []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(With\\w+)[^|]*\\| yes \\|").FindAllStringSubmatch(table, -1) {
		described = append(described, row[1])
	}
	slices.Sort(described)
	assert.Equal(t, exported(t, "../semaphore", "With"), described)
}

func TestTheOptionsTableListsTheReadWriteLocksOptions(t *testing.T) {
	table := page(t, "docs/options.md")
	var described []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(With\\w+)[^|]*\\| \\w+ \\| yes \\|").FindAllStringSubmatch(table, -1) {
		described = append(described, row[1])
	}
	slices.Sort(described)
	assert.Equal(t, exported(t, "../rwmutex", "With"), described)
}

func TestEveryErrorIsNamed(t *testing.T) {
	text := page(t, "docs/errors.md")
	names := append(exported(t, "../mutex", "Err"), exported(t, "../semaphore", "Err")...)
	names = append(names, exported(t, "../rwmutex", "Err")...)
	for _, name := range append(names, "RedisError") {
		assert.Contains(t, text, "`"+name+"`")
	}
}

// exported returns the names with a prefix that a package declares at its top
// level, but for methods, in order.
func exported(t *testing.T, dir, prefix string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var names []string
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			names = append(names, declared(decl)...)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) })
	slices.Sort(names)
	return names
}

// declared returns the names that a declaration adds to its package.
func declared(decl ast.Decl) []string {
	if f, ok := decl.(*ast.FuncDecl); ok {
		if f.Recv != nil {
			return nil
		}
		return []string{f.Name.Name}
	}
	var names []string
	for _, spec := range decl.(*ast.GenDecl).Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			names = append(names, s.Name.Name)
		case *ast.ValueSpec:
			for _, name := range s.Names {
				names = append(names, name.Name)
			}
		}
	}
	return names
}
