package modules

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// modules are the folders that have a go.mod, as seen from the root.
func modules(t *testing.T) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "go.mod" {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		found = append(found, filepath.ToSlash(dir))
		return err
	})
	if err != nil || len(found) < 7 {
		t.Fatalf("found only %q: %v", found, err)
	}
	return found
}

// listed are what a pattern's group finds in a file.
func listed(t *testing.T, file, pattern string) []string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(source), -1) {
		found = append(found, strings.Fields(match[1])...)
	}
	return found
}

func same(t *testing.T, want, got []string) {
	t.Helper()
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("want %q\ngot  %q", want, got)
	}
}

func TestDependabotKnowsEveryModule(t *testing.T) {
	var want []string
	for _, module := range modules(t) {
		want = append(want, "/"+strings.TrimPrefix(module, "."))
	}
	same(t, want, listed(t, ".github/dependabot.yml", `(?m)^      - (/.*)$`))
}

// tools/golangci has no code, and its step checks it.
func TestCIKnowsEveryModule(t *testing.T) {
	want := slices.DeleteFunc(modules(t), func(module string) bool { return module == "tools/golangci" })
	same(t, want, listed(t, ".ci/run", `(?m)^modules=\((.*)\)$`))
}
