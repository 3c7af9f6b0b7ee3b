package scripts_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/scripts"
)

// A lease is renewed by a pass, whether others wait or not, for a user that has no right but
// the commands of the line of docs/operations.md for the lock.
func TestPassNeedsNoCommandOfItsOwn(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	node := redistest.StartOne(t)
	for _, c := range []struct {
		user string // that the line of docs/operations.md makes
		pass *scripts.Script
		kind fencedKind
	}{
		{"holdfast", scripts.Mutex().Pass, unfencedKinds[0]}, {"holdfast", scripts.Mutex().PassFenced, fencedKinds[0]},
		{"readers", scripts.RWMutex().WritePass, unfencedKinds[1]}, {"readers", scripts.RWMutex().WritePassFenced, fencedKinds[1]},
	} {
		t.Run(c.pass.Name(), func(t *testing.T) {
			as := newUser(t, node, append([]any{"-@all"}, commandsOf(t, c.user)...)...)
			l, sub := newCounted(t, node, c.kind), newSubscriber(t, node)
			lease := &lock{t, node, l.keys[0].(string)}
			pass := append(append([]any{c.pass.Source(), len(l.keys)}, l.keys...), mine, long, 1)
			lease.set(key{mine, short})
			alone := as.do("EVAL", pass...)
			assert.Positive(t, alone)
			assert.NotEqualValues(t, 2, alone)
			lease.requireKey(key{mine, long})
			l.queue(sub, a, long)
			for range 2 {
				lease.set(key{mine, short})
				assert.EqualValues(t, 2, as.do("EVAL", pass...))
				lease.requireKey(key{mine, long})
			}
			assert.Empty(t, sub.received())
			_, err := as.conn.Do("LPUSH", l.keys[0], "element")
			assert.ErrorContains(t, err, "NOPERM")
		})
	}
}

// unfencedKinds are the same locks without numbers, whose scripts get no key for them.
var unfencedKinds = []fencedKind{
	{name: "mutex", acquire: scripts.Mutex().Acquire, line: 3}, {name: "rwmutex", acquire: scripts.RWMutex().WriteAcquire, line: 6},
}

// commandsOf are the commands that the line of docs/operations.md for a user allows, as +get.
func commandsOf(t *testing.T, user string) (rights []any) {
	t.Helper()
	page, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	line := regexp.MustCompile(`(?m)^ACL SETUSER ` + user + ` .*$`).FindString(string(page))
	for _, right := range regexp.MustCompile(`\+[a-z]+`).FindAllString(line, -1) {
		rights = append(rights, right)
	}
	require.NotEmpty(t, rights, "docs/operations.md has no ACL line for %s", user)
	return rights
}
