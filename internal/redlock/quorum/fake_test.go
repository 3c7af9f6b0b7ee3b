package quorum

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/faketime"
	"github.com/holdfast-go/holdfast/internal/redlock/clock"
	"github.com/holdfast-go/holdfast/internal/redlock/outbox"
	"github.com/holdfast-go/holdfast/scripts"
)

const (
	ms    = time.Millisecond
	bound = 100 * ms
)

// fakeNode answers every call alike, after a while.
type fakeNode struct {
	mu    sync.Mutex
	reply any
	err   error
	delay time.Duration
	hung  chan struct{}
	calls int
}

func (f *fakeNode) Eval(context.Context, *driver.Call) (any, error) {
	f.mu.Lock()
	reply, err, delay, hung := f.reply, f.err, f.delay, f.hung
	f.calls++
	f.mu.Unlock()
	time.Sleep(delay)
	if hung != nil {
		<-hung
	}
	return reply, err
}

func (f *fakeNode) says(reply any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reply = reply
}

func (f *fakeNode) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

// bench is a set of fake nodes that say yes.
type bench struct {
	*testing.T
	nodes []*fakeNode
	group *Nodes
}

// bubble runs a test over n nodes on fake time.
func bubble(t *testing.T, n int, test func(b *bench)) {
	t.Helper()
	faketime.Run(t, func(t *testing.T) {
		b := &bench{T: t}
		var pools []driver.Pool
		for range n {
			b.nodes = append(b.nodes, &fakeNode{reply: int64(1)})
			pools = append(pools, b.nodes[len(b.nodes)-1])
		}
		b.group = New(new(clock.Clock), pools...)
		test(b)
		time.Sleep(time.Hour) // for stragglers; what still runs then fails the test
	})
}

// read reads a vote, a number from 100 on, or a text as a choice; "-" and a text are a
// refusal with details.
func read(reply any) (Answer, bool) {
	switch reply := reply.(type) {
	case int64:
		if reply >= 100 {
			return Answer{Vote: Yes, Number: reply}, true
		}
		votes := map[int64]Vote{1: Yes, 0: Taken, -1: Missing}
		return Answer{Vote: votes[reply]}, votes[reply] != None
	case string:
		if reply[0] == '-' {
			return Answer{Vote: Taken, Detail: reply[1:]}, true
		}
		return Answer{Vote: Yes, Choice: reply, Detail: reply}, true
	}
	return Answer{}, false
}

func call() driver.Call { return driver.NewCall(scripts.Mutex().Check, []any{"name"}, "token") }

// question is one that has no observer and changes nothing.
func question() Question {
	c := call()
	return Question{Call: &c, Message: Message{Read: read, Token: "token", Bound: bound, Class: outbox.Ordinary}}
}

// round prepares a round of the question that change makes.
func (b *bench) round(change func(*Question)) *Round {
	q := question()
	if change != nil {
		change(&q)
	}
	return b.group.Round(q)
}

// silence has nodes let a call pass without an answer.
func (b *bench) silence(nodes ...int) {
	b.Helper()
	for _, i := range nodes {
		f := b.nodes[i]
		f.err = socketDeadline()
		done := make(chan struct{})
		q, c := question(), call()
		b.group.List()[i].Send(c, q.Message, func(Answer) { close(done) })
		<-done
		f.err = nil
		require.True(b, b.group.List()[i].Silent(&c))
	}
}

// hang has a node hold back its answers until the function is called.
func (f *fakeNode) hang() (release func()) {
	hung := make(chan struct{})
	f.hung = hung
	return func() {
		f.mu.Lock()
		f.hung = nil
		f.mu.Unlock()
		close(hung)
	}
}

// watcher is an observer that notes its calls.
type watcher struct {
	mu    sync.Mutex
	notes []string
	turns Vote // what a yes counts as; None: as what it is
}

func (w *watcher) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, fmt.Sprintf(format, args...))
}

func (w *watcher) Unsent(_ *Round, i int) { w.note("unsent %d", i) }

func (w *watcher) Answered(_ *Round, i int, a Answer) Answer {
	w.note("answered %d: %d", i, a.Vote)
	if w.turns != None && a.Vote == Yes {
		a.Vote = w.turns
	}
	return a
}

func (w *watcher) Late(r *Round, i int, a Answer) {
	w.note("late %d: %d of %v", i, a.Vote, r.Outcome().Won)
}

// since returns what was noted since it was called last.
func (w *watcher) since() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	notes := w.notes
	w.notes = nil
	return notes
}
