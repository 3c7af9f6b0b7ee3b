package mutex_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "github.com/holdfast-go/holdfast/"

// golist runs go list with a template for each package.
func golist(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	require.NoError(t, err)
	return strings.Fields(string(out))
}

// compiled lists what a program compiles that imports the packages, but for the
// standard library.
func compiled(t *testing.T, packages ...string) []string {
	t.Helper()
	const foreign = "{{if not .Standard}}{{.ImportPath}}{{end}}"
	for i := range packages {
		packages[i] = module + packages[i]
	}
	return golist(t, append([]string{"-deps", "-f", foreign}, packages...)...)
}

// uuids makes tokens, and imports nothing but the standard library.
const uuids = "github.com/google/uuid"

// A user compiles one client library, and nothing that only tests need. The drivers that are
// modules of their own have such a test there, and so have otelholdfast and gocronholdfast.
func TestWhatAUserCompiles(t *testing.T) {
	engine := append([]string{"internal/redlock"}, layers["internal/redlock"]...)
	redigo := []string{"github.com/gomodule/redigo/redis"}
	goredis := []string{
		"github.com/redis/go-redis/v9",
		"github.com/cespare/xxhash/v2", // go-redis needs it
		"go.uber.org/atomic",           // go-redis needs it
		"golang.org/x/sys/cpu",         // go-redis needs it
	}
	for name, c := range map[string]struct {
		packages []string
		theirs   []string
	}{
		"driver alone": {[]string{"driver"}, nil},

		"mutex alone":       {[]string{"mutex"}, nil},
		"mutex and redigo":  {[]string{"mutex", "driver/redigo"}, redigo},
		"mutex and goredis": {[]string{"mutex", "driver/goredis"}, goredis},

		"rwmutex alone":       {[]string{"rwmutex"}, nil},
		"rwmutex and redigo":  {[]string{"rwmutex", "driver/redigo"}, redigo},
		"rwmutex and goredis": {[]string{"rwmutex", "driver/goredis"}, goredis},

		"semaphore alone":       {[]string{"semaphore"}, nil},
		"semaphore and redigo":  {[]string{"semaphore", "driver/redigo"}, redigo},
		"semaphore and goredis": {[]string{"semaphore", "driver/goredis"}, goredis},

		"inspect and redigo":  {[]string{"inspect", "driver/redigo"}, redigo},
		"inspect and goredis": {[]string{"inspect", "driver/goredis"}, goredis},
	} {
		t.Run(name, func(t *testing.T) {
			allowed := append(slices.Clone(engine), c.packages...)
			for _, dep := range compiled(t, c.packages...) {
				if own, isOwn := inModule(dep); isOwn {
					assert.Contains(t, allowed, own)
					continue
				}
				assert.True(t, slices.ContainsFunc(append(c.theirs, uuids), func(root string) bool {
					return dep == root || strings.HasPrefix(dep, root+"/")
				}), "compiles %s", dep)
			}
		})
	}
}

// Each driver brings its own library, or the test above would prove nothing.
func TestDriversCompileTheirLibraries(t *testing.T) {
	assert.Contains(t, compiled(t, "driver/redigo"), "github.com/gomodule/redigo/redis")
	assert.Contains(t, compiled(t, "driver/goredis"), "github.com/redis/go-redis/v9")
}

func TestNoTestingInProduction(t *testing.T) {
	deps := golist(t, "-deps", module+"mutex", module+"rwmutex", module+"driver/redigo")
	assert.NotContains(t, deps, "testing")
}

// layers says which of the module's own packages each package may import.
var layers = map[string][]string{
	"":               {},
	"scripts":        {},
	"driver":         {"scripts"},
	"driver/goredis": {"driver"},
	"driver/redigo":  {"driver"},

	"internal/redlock": {
		"internal/redlock/quorum", "internal/redlock/renewer", "internal/redlock/outbox", "internal/redlock/clock", "internal/redlock/notify",
		"internal/redlock/keyslot", "internal/redlock/slotset", "internal/redlock/backoff", "internal/redlock/fifo", "internal/redlock/retry",
		"driver", "scripts", "",
	},
	"internal/redlock/quorum":  {"internal/redlock/outbox", "internal/redlock/clock", "driver"},
	"internal/redlock/renewer": {"internal/redlock/clock"},
	"internal/redlock/outbox":  {"internal/redlock/clock", "driver"},
	"internal/redlock/clock":   {},
	"internal/redlock/notify":  {"driver"},
	"internal/redlock/backoff": {},
	"internal/redlock/fifo":    {},
	"internal/redlock/retry":   {},
	"internal/redlock/keyslot": {},
	"internal/redlock/slotset": {},
	"internal/redlock/model":   {}, // tests of Promela files

	"mutex":     {"internal/redlock", "scripts", "driver", ""},
	"rwmutex":   {"internal/redlock", "scripts", "driver", ""},
	"semaphore": {"internal/redlock", "scripts", "driver", ""},

	"cmd/holdfast":                   {"inspect", "mutex", "rwmutex", "semaphore", "driver", "driver/goredis", "", "cmd/holdfast/internal/redisurl"},
	"cmd/holdfast/internal/redisurl": {},

	"inspect": {"driver", "scripts", "", "internal/redlock/keyslot", "internal/redlock/slotset"},
}

// forTests are packages that only tests and examples import.
var forTests = []string{
	"internal/redistest", "internal/alloctest", "internal/faketime", "internal/leaktest", "driver/drivertest", "internal/histories", "internal/unmade", "internal/filecycles",
	"internal/slotmove", "internal/redlock/fakenode", "internal/redlock/simnet", "examples",
}

// Layers are what keeps the engine ignorant of primitives and clients, and the
// primitives of each other. Every package has its place in one.
func TestLayers(t *testing.T) {
	const each = "{{$p := .ImportPath}}{{$p}}={{$p}}\n{{range .Imports}}{{$p}}={{.}}\n{{end}}"
	for _, line := range golist(t, "-f", each, module+"...") {
		importer, imported, _ := strings.Cut(line, "=")
		from, _ := inModule(importer)
		if isForTests(from) {
			continue
		}
		require.Contains(t, layers, from, "a package without a layer")
		if own, isOwn := inModule(imported); isOwn {
			assert.Contains(t, append([]string{from}, layers[from]...), own, "%s imports %s", from, own)
		} else if strings.Contains(imported, ".") && imported != uuids {
			assert.Regexp(t, "^(driver|cmd)/", from, "only drivers and commands import other modules: %s imports %s", from, imported)
		}
	}
}

// inModule returns the path of a package inside the module, if it is in it.
func inModule(path string) (name string, ok bool) {
	name, ok = strings.CutPrefix(path+"/", module)
	return strings.TrimSuffix(name, "/"), ok
}

func isForTests(name string) bool {
	return slices.ContainsFunc(forTests, func(root string) bool { return strings.HasPrefix(name, root) })
}
