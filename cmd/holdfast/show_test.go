package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/internal/redlock/keyslot"
)

// call runs holdfast in the test's own process, with an answer to what it asks.
func call(t *testing.T, node *redistest.Node, answer string, args ...string) (status int, out, errors string) {
	t.Helper()
	r, w, err := os.Pipe()
	require.NoError(t, err)
	_, _ = w.WriteString(answer)
	_ = w.Close()
	defer func() { _ = r.Close() }()
	var stdout, stderr bytes.Buffer
	p := &program{r, &stdout, &stderr, func(string) string { return "redis://" + node.Addr() }, nil}
	status = p.execute(t.Context(), args)
	return status, stdout.String(), stderr.String()
}

const token = "01990b3e-5a7c-7d21-9b0a-3f4de2a1c0ff@pod-7"

func TestShowReleaseAndList(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	status, out, _ := call(t, node, "", "show", name)
	assert.Zero(t, status)
	assert.Contains(t, out, ": free: ")
	node.Do(t, "SET", name, token, "PX", 600_000)
	_, out, _ = call(t, node, "", "show", name)
	assert.Contains(t, out, "mutex "+name+": 1 held, 0 waiting, 1 of 1 nodes answered\n")
	assert.Regexp(t, `  pod-7   exclusive  -      2025-\S+ \S+ +\S+ +0 +`+token, out)
	_, out, _ = call(t, node, "", "show", "-json", name)
	var p page
	require.NoError(t, json.Unmarshal([]byte(out), &p))
	assert.Equal(t, "pod-7", p.Locks[0].Holders[0].Owner)
	_, out, _ = call(t, node, "", "ls", name[:len(name)-3]+"*")
	assert.Equal(t, "mutex      "+name+"\n", out)
	_, out, _ = call(t, node, "", "ls", name[:len(name)-1])
	assert.Empty(t, out, "the whole name has to match")

	status, _, errs := call(t, node, "n\n", "release", name, "-value", token)
	assert.Equal(t, statusFailed, status)
	assert.Contains(t, errs, "nothing was released")
	status, _, _ = call(t, node, "", "release", name, "-value", "other", "-yes")
	assert.Equal(t, statusFailed, status)
	status, out, errs = call(t, node, "y\n", "release", name, "-value", token)
	assert.Zero(t, status)
	assert.Empty(t, errs)
	assert.Contains(t, out, "released on nodes 0")
	_, out, _ = call(t, node, "", "show", name)
	assert.Contains(t, out, ": free: ")
}

// answering is an output that does something, and answers, when it is asked.
type answering struct {
	bytes.Buffer
	to *os.File
	do func()
}

func (a *answering) Write(text []byte) (int, error) {
	if bytes.Contains(text, []byte("[y/N]")) {
		a.do()
		_, _ = a.to.WriteString("y\n")
	}
	return a.Buffer.Write(text)
}

// A lease that ends before the answer comes was not released: the next holder's stands, and
// the status says so.
func TestReleaseOfWhatChangesHandsMeanwhile(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	node.Do(t, "SET", name, token, "PX", 600_000)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer func() { _, _ = r.Close(), w.Close() }()
	var stderr bytes.Buffer
	stdout := &answering{to: w, do: func() { node.Do(t, "SET", name, token+"-next", "PX", 600_000) }}
	p := &program{r, stdout, &stderr, func(string) string { return "redis://" + node.Addr() }, nil}
	assert.Equal(t, statusFailed, p.execute(t.Context(), []string{"release", name, "-value", token}))
	assert.Contains(t, stderr.String(), "nothing was released")
	assert.NotContains(t, stdout.String(), "released on")
	assert.Equal(t, token+"-next", node.Do(t, "GET", name))
	node.Do(t, "DEL", name)
}

// A server that is out of reach is named once, and not for each kind of lock.
func TestShowWithoutNodes(t *testing.T) {
	redistest.Needs(t, redistest.CanKill)
	nodes, name := redistest.Start(t, 3), redistest.Name(t)
	var urls []string
	for _, node := range nodes {
		urls = append(urls, "redis://"+node.Addr())
	}
	show := func() (int, string, string) {
		return call(t, nodes[0], "", "show", name, "-redis", strings.Join(urls, ","))
	}
	nodes[2].Kill(t)
	status, out, errs := show()
	assert.Zero(t, status)
	assert.Contains(t, out, "mutex "+name+": 0 held, 0 waiting, 2 of 3 nodes answered\n")
	assert.Equal(t, 1, strings.Count(out, "node #2 ("+nodes[2].Addr()+"): "), out)
	assert.Empty(t, errs)
	nodes[1].Kill(t)
	status, out, errs = show()
	assert.Equal(t, statusFailed, status)
	assert.NotContains(t, out, "node #")
	assert.Contains(t, errs, "fewer than a majority of the nodes have shown who holds")
	for _, node := range []string{"node #1", "node #2"} {
		assert.Equal(t, 1, strings.Count(errs, node), errs)
	}
}

// A lock may have the name of the key that it guards, which is no mutex then.
func TestShowALockCalledAsWhatItGuards(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	node.Do(t, "HSET", name, "field", "value")
	status, _, errs := call(t, node, "", "show", name)
	assert.Equal(t, statusFailed, status, "a mutex of this name cannot be locked")
	assert.Contains(t, errs, "WRONGTYPE")
	writer := keyslot.Aux(name, ":rwmutex:writer")
	node.Do(t, "SET", writer, token, "PX", 600_000)
	status, out, errs := call(t, node, "", "show", name)
	assert.Zero(t, status)
	assert.Contains(t, out, "rwmutex "+name+": 1 held, 0 waiting, 1 of 1 nodes answered\n")
	assert.Empty(t, errs)
	assert.NotContains(t, out, "mutex "+name+": 0 held")
	node.Do(t, "DEL", name, writer)
}

func TestHelpFitsAScreen(t *testing.T) {
	assert.LessOrEqual(t, strings.Count(help, "\n"), 24+4)
	for line := range strings.Lines(help) {
		assert.LessOrEqual(t, len([]rune(line)), 100)
	}
}

func TestMatchIsRedisMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a/b", true}, {"a*c", "abbc", true}, {"a*c", "abbd", false}, {"a?c", "abc", true}, {"[a-c]x", "bx", true},
		{"[^a]x", "ax", false}, {`\*`, "*", true}, {`\*`, "a", false}, {"", "", true}, {"a", "ab", false}, {"[", "a", false},
	} {
		assert.Equal(t, c.want, match(c.pattern, c.name), c.pattern+" "+c.name)
	}
}

// parts are the keys of all kinds of locks: what follows the name, and its tag where it has
// one.
var parts = []string{
	"", ":mutex:fence", ":mutex:queue", ":mutex:awaited",
	":rwmutex:writer", ":rwmutex:readers", ":rwmutex:queue:write", ":rwmutex:queue:read", ":rwmutex:awaited", ":rwmutex:fence",
	":permits:held", ":permits:queue",
}

// fillings put something into a key: nothing, text, a hash, a list, a set, or members with
// odd scores.
var fillings = []func(key, text string) []any{
	func(key, _ string) []any { return []any{"DEL", key} },
	func(key, text string) []any { return []any{"SET", key, text} },
	func(key, text string) []any { return []any{"SET", key, text, "PX", 60_000} },
	func(key, text string) []any { return []any{"HSET", key, text, text} },
	func(key, text string) []any { return []any{"RPUSH", key, text} },
	func(key, text string) []any { return []any{"SADD", key, text} },
	func(key, text string) []any {
		return []any{"ZADD", key, "inf", text, 4e15, "0:" + text, "1e300", "|" + text, "-inf", "-|" + text, -23e14, "-" + text}
	},
}

// Whatever is in the keys of a name, and whatever the name is, show and ls print lines
// without control characters and end; and what show -json prints is JSON.
func FuzzShow(f *testing.F) {
	for i, name := range []string{"\x7f", "\u009b2J", "\x9b2J", "\u202e", "\U000e0001", "plain", "a{}b", "\x1b[2J", "a\nb", "\xff", "{", "x}y", "{}", "{tag}:1", "%s", "*?[", "-h", "--", ""} {
		for how := range fillings {
			text := []string{token + "\x1b[31m", "\x1b]0;x\a"}[(i+how)%2]
			f.Add(name, text, uint64(how)*0o111111111111111) // the same in all keys
		}
	}
	node := redistest.StartOne(f)
	f.Fuzz(func(t *testing.T, name, text string, how uint64) {
		if name == "" {
			status, _, _ := call(t, node, "", "show", name)
			assert.Equal(t, statusUsage, status)
			return
		}
		keys := []any{"DEL"}
		for i, part := range parts {
			key := name
			if part != "" {
				key = keyslot.Aux(name, part)
			}
			keys = append(keys, key)
			node.Do(t, fillings[how>>(3*i)&7%uint64(len(fillings))](key, text)...)
		}
		for _, args := range [][]string{{"show", "--", name}, {"ls", "*"}, {"show", "-json", "--", name}} {
			status, out, errs := call(t, node, "", args...)
			assert.Contains(t, []int{0, statusFailed}, status, "%q", errs)
			assert.True(t, utf8.ValidString(out+errs), "%q", out+errs)
			for _, r := range out + errs {
				assert.True(t, r == '\n' || unicode.IsPrint(r), "%q", out+errs)
			}
			if args[1] == "-json" {
				var p page
				assert.NoError(t, json.Unmarshal([]byte(out), &p), "%q", out)
				assert.Equal(t, string([]rune(name)), p.Name)
			}
		}
		node.Do(t, keys...)
	})
}
