package scripts_test

import (
	"crypto/sha1"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// files returns the text of every Lua file of the package, by script name.
func files(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("*.lua")
	require.NoError(t, err)
	texts := make(map[string]string, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		texts[strings.TrimSuffix(path, ".lua")] = string(text)
	}
	return texts
}

func TestAllListsEveryFileOnce(t *testing.T) {
	listed := make(map[string]string)
	for _, script := range scripts.All() {
		assert.NotContains(t, listed, script.Name(), "listed twice")
		listed[script.Name()] = script.Source()
	}
	assert.Equal(t, whole(files(t)), listed)
}

// preludes are the files that are no scripts, but what scripts begin with: those
// whose name has a prefix, by the first prefix that fits.
var preludes = []struct {
	prefix string
	files  []string
}{
	{"mutex_acquire", []string{"mutex_acquire_prelude", "time_prelude", "ticket_prelude", "mutex_prelude", "queue_prelude"}},
	{"mutex_release", []string{"mutex_release_prelude", "time_prelude", "ticket_prelude", "mutex_prelude", "queue_prelude", "grant_prelude", "notify_prelude", "mutex_grant_prelude"}},
	{"mutex_pass", []string{"time_prelude", "ticket_prelude", "mutex_prelude", "queue_prelude"}},
	{"mutex_withdraw", []string{"time_prelude", "ticket_prelude", "mutex_prelude", "queue_prelude", "grant_prelude", "notify_prelude", "mutex_grant_prelude"}},
	{"mutex_extend", []string{"time_prelude"}},
	{"semaphore_acquire", []string{"semaphore_acquire_prelude", "time_prelude", "semaphore_prelude", "ticket_prelude", "queue_prelude"}},
	{"semaphore_release", []string{"semaphore_release_prelude", "time_prelude", "semaphore_prelude", "ticket_prelude", "queue_prelude", "grant_prelude", "notify_prelude", "semaphore_grant_prelude"}},
	{"semaphore_withdraw", []string{"time_prelude", "semaphore_prelude", "ticket_prelude", "queue_prelude", "grant_prelude", "notify_prelude", "semaphore_grant_prelude"}},
	{"semaphore_", []string{"time_prelude", "semaphore_prelude"}},
	{"rwmutex_read_extend_alone", []string{"time_prelude", "rwmutex_alone_prelude"}},
	{"rwmutex_read_release_alone", []string{"time_prelude", "rwmutex_alone_prelude"}},
	{"rwmutex_read_check_alone", []string{"time_prelude", "rwmutex_alone_prelude"}},
	{"rwmutex_downgrade", []string{"time_prelude", "ticket_prelude", "rwmutex_prelude", "grant_prelude"}},
	{"rwmutex_read_acquire", []string{"time_prelude", "rwmutex_read_acquire_prelude", "ticket_prelude", "rwmutex_prelude", "grant_prelude"}},
	{"rwmutex_read_release", []string{"time_prelude", "rwmutex_read_release_prelude", "ticket_prelude", "rwmutex_prelude", "grant_prelude"}},
	{"rwmutex_read_withdraw", []string{"time_prelude", "ticket_prelude", "rwmutex_prelude", "grant_prelude"}},
	{"rwmutex_write_acquire", []string{"time_prelude", "rwmutex_write_acquire_prelude", "ticket_prelude", "rwmutex_prelude"}},
	{"rwmutex_write_release", []string{"time_prelude", "rwmutex_write_release_prelude", "ticket_prelude", "rwmutex_prelude", "grant_prelude"}},
	{"rwmutex_write_withdraw", []string{"time_prelude", "ticket_prelude", "rwmutex_prelude", "grant_prelude"}},
	{"rwmutex_", []string{"time_prelude", "ticket_prelude", "rwmutex_prelude"}},
	{"inspect_", []string{"inspect_prelude"}},
}

// fenced are the scripts that have no file, as they run another one: its name, and by
// what it ends with.
var fenced = map[string][2]string{
	"mutex_acquire_fenced":         {"mutex_acquire", "issue"},
	"mutex_repair_fenced":          {"mutex_acquire", "raise"},
	"mutex_pass_fenced":            {"mutex_pass", "issue"},
	"mutex_extend_fenced":          {"mutex_extend", "raise"},
	"mutex_extend_or_set_fenced":   {"mutex_extend_or_set", "raise"},
	"mutex_fence":                  {"mutex_check", "raise"},
	"rwmutex_write_acquire_fenced": {"rwmutex_write_acquire", "issue"},
	"rwmutex_write_repair_fenced":  {"rwmutex_write_acquire", "raise"},
	"rwmutex_write_pass_fenced":    {"rwmutex_write_pass", "issue"},
	"rwmutex_write_extend_fenced":  {"rwmutex_write_extend", "raise"},
	"rwmutex_write_fence":          {"rwmutex_write_check", "raise"},
}

// preludeOf returns the text that the script called name begins with, if any.
func preludeOf(texts map[string]string, name string) string {
	for _, p := range preludes {
		if strings.HasPrefix(name, p.prefix) {
			var text string
			for _, file := range p.files {
				text += texts[file]
			}
			return text
		}
	}
	return ""
}

// fencedText is the text of a script that has no file.
func fencedText(texts map[string]string, name string) string {
	other, by := fenced[name][0], fenced[name][1]
	prelude := strings.Replace(preludeOf(texts, other), texts["time_prelude"], "", 1)
	return texts[name+"_prelude"] + texts["time_prelude"] + texts["fence_prelude"] +
		"local function unfenced()\n" + prelude + texts[other] + "end\n" + texts["fence_"+by]
}

// isScript reports that a file is a script, and no part that others begin or end with.
func isScript(name string) bool {
	return !strings.HasSuffix(name, "_prelude") && !strings.HasPrefix(name, "fence_")
}

// whole returns the scripts that the files make up, by name.
func whole(texts map[string]string) map[string]string {
	made := make(map[string]string)
	for name, text := range texts {
		if isScript(name) {
			made[name] = preludeOf(texts, name) + text
		}
	}
	for name := range fenced {
		made[name] = fencedText(texts, name)
	}
	return made
}

func TestDigestIsThatOfTheServer(t *testing.T) {
	node := redistest.StartOne(t)
	for _, script := range scripts.All() {
		sum := sha1.Sum([]byte(script.Source()))
		assert.Equal(t, hex.EncodeToString(sum[:]), script.SHA1(), script.Name())
		assert.Equal(t, script.SHA1(), node.Do(t, "SCRIPT", "LOAD", script.Source()), script.Name())
		assert.Equal(t, any(script.SHA1()), script.SHA1Word(), script.Name())
	}
}

func TestEveryFileFollowsTheRules(t *testing.T) {
	texts := files(t)
	for name, text := range texts {
		assert.True(t, strings.HasPrefix(text, "-- "+name+": "), name)
		if isScript(name) {
			assert.Empty(t, faults(name, preludeOf(texts, name), text), name)
		}
	}
}

// What scripts without a file get and return is in the header of fence_prelude.
func TestFencedScriptsFollowTheRules(t *testing.T) {
	texts := files(t)
	header, _ := split(texts["fence_prelude"])
	for name, how := range fenced {
		assert.Contains(t, header, name)
		text := fencedText(texts, name)
		assert.Empty(t, undocumentedInputs(text, text), name)
		assert.Empty(t, undocumentedReplies(texts[how[0]], texts[how[0]]), name)
		assert.Empty(t, foreignKeys(text), name)
	}
}

// The rules' own test: each broken file has the one fault that it is named for.
func TestFaultsAreFound(t *testing.T) {
	const sound = "-- x: y.\n--\n-- KEYS[1] k\n-- ARGV[1] a\n--\n-- Returns  1 yes\n--         -1 no\n--\n-- Safe.\n" +
		"if redis.call('GET', KEYS[1]) == ARGV[1] then\n  return 1\nend\nreturn -1\n"
	require.Empty(t, faults("x", "", sound))
	for fault, change := range map[string][2]string{
		"header does not begin with the script's name": {"-- x:", "-- y:"},
		"header lacks KEYS[1]":                         {"-- KEYS[1] k\n", ""},
		"header lacks ARGV[1]":                         {"-- ARGV[1] a\n", ""},
		"header lacks Returns":                         {"-- Returns  1 yes\n", ""},
		"header lacks the return value -1":             {"--         -1 no\n", ""},
		"header lacks the return value 7":              {"return 1\n", "return 7\n"},
		"key is not from KEYS: GET ARGV[1]":            {"KEYS[1]) ==", "ARGV[1]) =="},
		"key is not from KEYS: GET 'name'":             {"'GET', KEYS[1]", "'GET', 'name'"},
		"key is not from KEYS: GET KEYS[1] .. 'x'":     {"KEYS[1]) ==", "KEYS[1] .. 'x') =="},
		"call that cannot be read: redis.pcall(name,":  {"redis.call('GET',", "redis.pcall(name,"},
	} {
		broken := strings.Replace(sound, change[0], change[1], 1)
		require.NotEqual(t, sound, broken, fault)
		assert.Contains(t, faults("x", "", broken), fault)
	}
}

// The same for a script that begins with a prelude, which may name the keys.
func TestFaultsAreFoundWithAPrelude(t *testing.T) {
	const prelude = "-- p: y.\n--\n-- KEYS[1] k\nlocal NAME = KEYS[1]\nlocal now = redis.call('TIME')\n" +
		"for _, key in ipairs(KEYS) do\n  redis.call('PTTL', key)\nend\n"
	const sound = "-- x: y.\n--\n-- KEYS see p\n--\n-- Returns  1 yes\n--\n-- Safe.\nredis.call('DEL', NAME)\nreturn 1\n"
	require.Empty(t, faults("x", prelude, sound))
	for fault, change := range map[string][2]string{
		"key is not from KEYS: DEL OTHER":            {"NAME)", "OTHER)"},
		"key is not from KEYS: PTTL other":           {"'PTTL', key", "'PTTL', other"},
		"call that cannot be read: redis.call(NAME)": {"redis.call('TIME')", "redis.call(NAME)"},
		"header lacks KEYS[1]":                       {"-- KEYS[1] k\n", ""},
		"header lacks ARGV[1]":                       {"'DEL', NAME", "'DEL', NAME, ARGV[1]"},
		"header lacks the return value 7":            {"return 1\n", "return 7\n"},
	} {
		text := strings.Replace(prelude+sound, change[0], change[1], 1)
		require.NotEqual(t, prelude+sound, text, fault)
		at := strings.Index(text, "-- x:")
		assert.Contains(t, faults("x", text[:at], text[at:]), fault)
	}
}

var (
	call        = regexp.MustCompile(`redis\.p?call\([^,)]*[,)]`)
	readable    = regexp.MustCompile(`redis\.p?call\(\s*'([A-Z]+)'\s*,\s*([^,)]+)[,)]`)
	keyless     = regexp.MustCompile(`^redis\.(call\('TIME'\)|pcall\('PUBLISH',|pcall\('PUBSUB',)$`)
	fromKeys    = regexp.MustCompile(`^KEYS\[\w+\]$`)
	keyNames    = regexp.MustCompile(`(?m)^local ([A-Z, ]+) = KEYS\[`)
	keyLoop     = regexp.MustCompile(`for \w+, (\w+) in ipairs\(KEYS\)`)
	input       = regexp.MustCompile(`\b(KEYS|ARGV)\[\d+\]`)
	returned    = regexp.MustCompile(`\breturn (-?\d+)\b`)
	returnsPart = regexp.MustCompile(`(?s)-- Returns(.*?)\n--(\n| Safe| Looser| Writes)`)
)

// faults lists what is wrong with a script, which is its own text after a prelude
// or after nothing: what its header does not say, and keys that do not come from
// KEYS.
func faults(name, prelude, text string) []string {
	header, body := split(text)
	preludeHeader, preludeBody := prelude, prelude // of several files, each has a header
	var found []string
	if !strings.HasPrefix(header, "-- "+name+": ") {
		found = append(found, "header does not begin with the script's name")
	}
	found = append(found, undocumentedInputs(preludeHeader+header, preludeBody+body)...)
	found = append(found, undocumentedReplies(header, body)...)
	return append(found, foreignKeys(preludeBody+body)...)
}

// split parts a script after its leading comment lines.
func split(text string) (header, body string) {
	rest := text
	for strings.HasPrefix(rest, "--") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	return strings.TrimSuffix(text, rest), rest
}

// undocumentedInputs lists KEYS and ARGV that the body uses and the header does
// not list at the start of a line.
func undocumentedInputs(header, body string) []string {
	var found []string
	for _, used := range input.FindAllString(body, -1) {
		if !strings.Contains(header, "\n-- "+used+" ") {
			found = append(found, "header lacks "+used)
		}
	}
	return found
}

// undocumentedReplies lists values that the body returns and the header does not
// explain.
func undocumentedReplies(header, body string) []string {
	part := returnsPart.FindStringSubmatch(header)
	if part == nil {
		return []string{"header lacks Returns"}
	}
	var found []string
	for _, reply := range returned.FindAllStringSubmatch(body, -1) {
		listed := regexp.MustCompile(`(?m)^(--)? +` + reply[1] + ` `)
		if !listed.MatchString(part[1]) {
			found = append(found, "header lacks the return value "+reply[1])
		}
	}
	return found
}

// foreignKeys lists the calls whose first key is not an element of KEYS.
func foreignKeys(body string) []string {
	names := namesOfKeys(body)
	var found []string
	for _, at := range call.FindAllStringIndex(body, -1) {
		match := readable.FindStringSubmatch(body[at[0]:])
		switch {
		case keyless.MatchString(body[at[0]:at[1]]):
		case match == nil || !strings.HasPrefix(body[at[0]:], match[0]):
			found = append(found, "call that cannot be read: "+body[at[0]:at[1]])
		case !fromKeys.MatchString(match[2]) && !names[match[2]]:
			found = append(found, "key is not from KEYS: "+match[1]+" "+match[2])
		}
	}
	return found
}

// namesOfKeys are the names that a body gives to elements of KEYS: constants in
// capitals, and the variables of loops over all of them.
func namesOfKeys(body string) map[string]bool {
	names := make(map[string]bool)
	for _, match := range keyNames.FindAllStringSubmatch(body, -1) {
		for name := range strings.SplitSeq(match[1], ", ") {
			names[name] = true
		}
	}
	for _, match := range keyLoop.FindAllStringSubmatch(body, -1) {
		names[match[1]] = true
	}
	return names
}
