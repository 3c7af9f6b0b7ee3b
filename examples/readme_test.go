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

// readme returns the text of the README.
func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	return string(text)
}

// blocks returns what stands between the fences of the README's blocks in a
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

func TestEverySnippetOfTheReadmeIsCompiled(t *testing.T) {
	sources := programs(t)
	snippets := blocks(readme(t), "go")
	require.GreaterOrEqual(t, len(snippets), 6, "one for each driver, semaphore, read-write lock, errors, migration")
	for _, snippet := range snippets {
		compiled := false
		for _, source := range sources {
			compiled = compiled || strings.Contains(source, "\n"+snippet)
		}
		assert.True(t, compiled, "no program contains this, line by line:\n%s", snippet)
	}
}

func TestEveryProgramOfTheReadmeIsThere(t *testing.T) {
	text := readme(t)
	commands := regexp.MustCompile(`go run (\./[a-z/-]+)`).FindAllStringSubmatch(text, -1)
	require.NotEmpty(t, commands)
	for _, command := range commands {
		assert.DirExists(t, filepath.Join("..", command[1]))
	}
	assert.Contains(t, text, "\ngo run ./examples/quickstart\n")
	assert.Contains(t, text, "\ngo test ./...\n")
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	for _, page := range []string{"README.md", "CONTRIBUTING.md", "CHANGELOG.md"} {
		bytes, err := os.ReadFile(filepath.Join("..", page))
		require.NoError(t, err)
		text := string(bytes)
		links := regexp.MustCompile(`\]\(([^)#]*)(#[^)]+)?\)`).FindAllStringSubmatch(text, -1)
		require.NotEmpty(t, links, page)
		for _, link := range links {
			file, anchor := link[1], link[2]
			switch {
			case strings.Contains(file, "://"):
			case file != "":
				assert.FileExists(t, filepath.Join("..", file), page)
			default:
				assert.Contains(t, anchors(text), anchor, page)
			}
		}
	}
}

// anchors returns the targets of the README's own headings.
func anchors(text string) []string {
	var all []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all = append(all, "#"+strings.ReplaceAll(name, " ", "-"))
	}
	return all
}

func TestTheOptionsTableIsComplete(t *testing.T) {
	table := section(t, readme(t), "## Options")
	var described []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(With\\w+)").FindAllStringSubmatch(table, -1) {
		described = append(described, row[1])
	}
	slices.Sort(described)
	assert.Equal(t, exported(t, "../mutex", "With"), described)
}

func TestTheOptionsTableTellsTheSemaphoresOptions(t *testing.T) {
	table := section(t, readme(t), "## Options")
	var described []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(With\\w+)[^|]*\\| yes \\|").FindAllStringSubmatch(table, -1) {
		described = append(described, row[1])
	}
	slices.Sort(described)
	assert.Equal(t, exported(t, "../semaphore", "With"), described)
}

func TestTheOptionsTableTellsTheReadWriteLocksOptions(t *testing.T) {
	table := section(t, readme(t), "## Options")
	var described []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(With\\w+)[^|]*\\| \\w+ \\| yes \\|").FindAllStringSubmatch(table, -1) {
		described = append(described, row[1])
	}
	slices.Sort(described)
	assert.Equal(t, exported(t, "../rwmutex", "With"), described)
}

func TestEveryErrorIsNamed(t *testing.T) {
	text := readme(t)
	names := append(exported(t, "../mutex", "Err"), exported(t, "../semaphore", "Err")...)
	names = append(names, exported(t, "../rwmutex", "Err")...)
	for _, name := range append(names, "RedisError") {
		assert.Contains(t, text, "`"+name+"`")
	}
}

// section returns the README's text from a heading to the next one of its kind.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, "\n"+heading+"\n")
	require.True(t, found, heading)
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
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
