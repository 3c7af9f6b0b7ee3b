package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
	"github.com/holdfast-go/holdfast/internal/redlock/keyslot"
)

// watching is a show -watch in the test's own process. Each of its pages is a write.
type watching struct {
	t     *testing.T
	pages chan string
	ended chan int
	end   context.CancelFunc
}

func watch(t *testing.T, node *redistest.Node, screen func() size, args ...string) *watching {
	ctx, cancel := context.WithCancel(t.Context())
	w := &watching{t: t, pages: make(chan string), ended: make(chan int, 1), end: cancel}
	var errs bytes.Buffer
	p := &program{nil, pageWriter{ctx, w.pages}, &errs, func(string) string { return "redis://" + node.Addr() }, screen}
	go func() { w.ended <- p.execute(ctx, append([]string{"show", "-watch", "-every", "10ms"}, args...)) }()
	t.Cleanup(func() {
		cancel()
		assert.Zero(t, <-w.ended, errs.String())
	})
	return w
}

// large is a terminal that shows any page.
func large() size { return size{} }

// pageWriter hands on what is written, unless its reader has gone.
type pageWriter struct {
	ctx context.Context
	to  chan<- string
}

func (w pageWriter) Write(text []byte) (int, error) {
	select {
	case w.to <- string(text):
	case <-w.ctx.Done():
	}
	return len(text), nil
}

// page is the next write.
func (w *watching) page() string {
	w.t.Helper()
	select {
	case page := <-w.pages:
		return page
	case <-time.After(patience):
		require.FailNow(w.t, "nothing was printed")
	}
	return ""
}

// await reads pages until one has the words, and returns it.
func (w *watching) await(words string) string {
	w.t.Helper()
	for over := time.Now().Add(patience); ; {
		page := w.page()
		if strings.Contains(page, words) {
			return page
		}
		require.True(w.t, time.Now().Before(over), "no page has %q: %s", words, page)
	}
}

func TestWatchAtATerminal(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	w := watch(t, node, large, name)
	first := w.page()
	assert.True(t, strings.HasPrefix(first, home), "%q", first)
	assert.Contains(t, first, ": free: ")
	assert.NotContains(t, first, " + ", "nothing was there before")

	node.Do(t, "SET", name, token, "PX", 600_000)
	held := w.await(" + ")
	assert.True(t, strings.HasPrefix(held, home))
	assert.Equal(t, 1, strings.Count(held, home))
	assert.Regexp(t, `(?s)1 held, 0 waiting.*  pod-7   exclusive.*\n\d\d:\d\d:\d\d \+ mutex: held by pod-7 \(exclusive\)\n$`, held)
	node.Do(t, "DEL", name)
	free := w.await(" - mutex")
	assert.Regexp(t, `(?s): free: .* \+ mutex: held by pod-7 \(exclusive\)\n\S+ - mutex: held by pod-7 \(exclusive\)\n$`, free, "changes stay")
	for i := range 2 * maxLog {
		node.Do(t, "SET", name, token[:len(token)-1]+string(rune('a'+i)), "PX", 600_000)
		w.await("held by pod-" + string(rune('a'+i)))
	}
	assert.Equal(t, maxLog, strings.Count(w.page(), "held by"), "the latest")
	node.Do(t, "DEL", name)
}

func TestWatchIntoAFile(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	w := watch(t, node, nil, name)
	assert.NotContains(t, w.page(), "\x1b")
	node.Do(t, "SET", name, token, "PX", 600_000)
	assert.NotContains(t, w.await(" + mutex: held by pod-7"), "\x1b")
	assert.NotContains(t, w.page(), " + ", "each change is written once")
	node.Do(t, "DEL", name)
	w.await(" - mutex: held by pod-7")
}

// A server that goes away and comes back is a change, and watching goes on.
func TestWatchGoesOnWithoutNodes(t *testing.T) {
	redistest.Needs(t, redistest.CanKill, redistest.CanRestartEmpty)
	node, name := redistest.StartOne(t), redistest.Name(t)
	w := watch(t, node, large, name)
	w.page()
	node.Kill(t)
	away := w.await(" + node #0 (")
	assert.Contains(t, away, "0 of 1 nodes answered")
	assert.Equal(t, 2, strings.Count(away, "node #0"), "one problem, and one change: %s", away)
	node.Restart(t)
	assert.Contains(t, w.await(" - node #0 ("), ": free: ")
}

// Who holds the lock stays in sight however many wait for it, on a small terminal too.
func TestWatchOnASmallTerminal(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	const columns, rows = 40, 20
	w := watch(t, node, func() size { return size{columns, rows} }, name)
	w.page()
	node.Do(t, "SET", name, token, "PX", 600_000)
	queue := keyslot.Aux(name, ":mutex:queue")
	for i := range 50 {
		now, id := time.Now(), fmt.Sprint("holdfast:me|", i)
		node.Do(t, "ZADD", queue, now.UnixMicro()-4_000_000_000_000_000, "-"+id, now.Add(time.Hour).UnixMicro(), id)
	}
	page := w.await("50 waiting")
	height := 0
	for line := range strings.Lines(strings.TrimPrefix(page, home)) {
		height += (len([]rune(line)) - 1 + columns - 1) / columns
	}
	assert.Less(t, height, rows, page)
	assert.Regexp(t, `(?s)mutex .*  pod-7   exclusive .*  … \d+ more lines\n.* \+ mutex: [^\n]*\n$`, page)
	node.Do(t, "DEL", name, queue)
}

func TestWatchAsJSON(t *testing.T) {
	node, name := redistest.StartOne(t), redistest.Name(t)
	w := watch(t, node, large, "-json", name)
	for _, held := range []int{0, 1} {
		line := w.page()
		if held > 0 {
			node.Do(t, "SET", name, token, "PX", 600_000)
			line = w.await("pod-7")
		}
		assert.Equal(t, 1, strings.Count(line, "\n"))
		var p page
		require.NoError(t, json.Unmarshal([]byte(line), &p))
		assert.Len(t, p.Locks, held)
	}
	node.Do(t, "DEL", name)
}
