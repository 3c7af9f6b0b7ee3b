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

// listed are the words that a pattern's groups find in a file.
func listed(t *testing.T, file, pattern string) []string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(source), -1) {
		found = append(found, strings.Fields(strings.Join(match[1:], " "))...)
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

// Users import what is not for work on this repository.
func TestVersioningNamesTheTagOfEveryModule(t *testing.T) {
	var imported, others []string
	for _, module := range modules(t) {
		switch first, _, _ := strings.Cut(module, "/"); first {
		case "bench", "tools", "examples", "internal":
			others = append(others, module)
		default:
			imported = append(imported, strings.TrimPrefix(module+"/", "./")+"vX.Y.Z")
		}
	}
	same(t, imported, listed(t, "VERSIONING.md", "(?m)^\\|.*\\| `(\\S*vX\\.Y\\.Z)` \\|$"))
	rest := listed(t, "VERSIONING.md", `(?s)The remaining modules \(([^)]*)\)`)
	for i := range rest {
		rest[i] = strings.Trim(rest[i], "`,")
	}
	same(t, others, rest)
}

// The commands that tag the modules besides the main one name each of them.
func TestVersioningTagsEveryModule(t *testing.T) {
	tagged := slices.DeleteFunc(listed(t, "VERSIONING.md", "(?m)^\\|.*\\| `(\\S*)/vX\\.Y\\.Z` \\|$"), func(module string) bool { return module == "" })
	for _, loop := range []string{`(?m)^for module in (.*); do\n\t\(cd `, `(?m)^for module in (.*); do\n\tgit tag `} {
		same(t, tagged, listed(t, "VERSIONING.md", loop))
	}
}

// What is not run here, or by another name, calls steps that there are.
func TestEveryStepThatIsCalledIsThere(t *testing.T) {
	steps := listed(t, ".ci/run", `(?m)^(\w+)\(\) \{$`)
	for file, pattern := range map[string]string{
		".github/workflows/ci.yml": `(?m)(?:^ +- run: \.ci/run ([a-z_ ]+)$|^ +steps: ([a-z_ ]+)$)`,
		"Makefile":                 `(?m)^[a-z]+: +; \.ci/run ([a-z_ ]+)$`,
		"CONTRIBUTING.md":          `\.ci/run ([a-z]+[a-z_]*(?: [a-z]+[a-z_]*)*)` + "[`\n]",
	} {
		called := listed(t, file, pattern)
		if len(called) < 3 {
			t.Errorf("%s: found only %q", file, called)
		}
		for _, step := range called {
			if !slices.Contains(steps, step) {
				t.Errorf("%s calls .ci/run %s, which is no step of %q", file, step, steps)
			}
		}
	}
}

func TestMakeListsItsTargets(t *testing.T) {
	same(t, listed(t, "Makefile", `(?m)^\.PHONY: (.*)$`), listed(t, "Makefile", `(?m)^([a-z]+): +; \.ci/run`))
}
