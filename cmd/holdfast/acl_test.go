//go:build unix

package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

// documented are the words of the user that may look, and those that ls needs beside them.
func documented(t *testing.T) (user, password string, looks, lists []any) {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)^ACL SETUSER (watcher) reset on >(\S+) (.+)$`).FindSubmatch(page)
	more := regexp.MustCompile("`holdfast ls` also needs `([^`]+)`").FindSubmatch(page)
	require.NotNil(t, line)
	require.NotNil(t, more)
	for word := range strings.FieldsSeq(string(line[3])) {
		looks = append(looks, word)
	}
	for word := range strings.FieldsSeq(string(more[1])) {
		lists = append(lists, word)
	}
	return string(line[1]), string(line[2]), looks, lists
}

// The documented words are enough for show and ls, and each that ls has beside is needed.
func TestTheACLLineForLooking(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	node, name := redistest.StartOne(t), redistest.Name(t)
	node.Do(t, "SET", name, token, "PX", 600_000)
	user, password, looks, lists := documented(t)
	url := "redis://" + user + ":" + password + "@" + node.Addr()
	may := func(words ...any) {
		node.Do(t, slices.Concat([]any{"ACL", "SETUSER", user, "reset", "on", ">" + password}, looks, words)...)
	}
	may()
	show := start(t, url, "show", name)
	require.Zero(t, show.status(), show.errors())
	assert.Contains(t, show.output(), ": 1 held, 0 waiting, 1 of 1 nodes answered\n")
	for i := range lists {
		may(slices.Delete(slices.Clone(lists), i, i+1)...)
		ls := start(t, url, "ls", name+"*")
		assert.Equal(t, statusFailed, ls.status(), lists[i])
		assert.Contains(t, ls.errors(), "NOPERM", lists[i])
	}
	may(lists...)
	ls := start(t, url, "ls", name+"*")
	require.Zero(t, ls.status(), ls.errors())
	assert.Equal(t, "mutex      "+name+"\n", ls.output())
}
