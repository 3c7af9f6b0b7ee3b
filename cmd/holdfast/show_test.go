package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
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
	p := &program{r, &stdout, &stderr, func(string) string { return "redis://" + node.Addr() }, false}
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

// Whatever is in the keys of a name, and whatever the name is, show prints lines without
// control characters and ends.
func FuzzShow(f *testing.F) {
	for _, name := range []string{"plain", "a{}b", "\x1b[2J", "a\nb", "\xff", "{", "-json"} {
		f.Add(name, "v", uint8(0))
		f.Add(name, "\x1b]0;x\a", uint8(1))
		f.Add(name, token+"\x1b[31m", uint8(1))
		f.Add(name, "x", uint8(2))
	}
	node := redistest.StartOne(f)
	f.Fuzz(func(t *testing.T, name, value string, how uint8) {
		if name == "" || strings.HasPrefix(name, "-") {
			t.Skip("no name")
		}
		switch how % 3 {
		case 1:
			node.Do(t, "SET", name, value)
		case 2:
			node.Do(t, "HSET", name, value, value)
		}
		_, out, errs := call(t, node, "", "show", name)
		node.Do(t, "DEL", name)
		for _, r := range out + errs {
			assert.True(t, r == '\n' || r >= ' ' && r != 0x7f, "%q", out+errs)
		}
	})
}
