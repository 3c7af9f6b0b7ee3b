package driver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

func answered(text string) error { return &driver.ReplyError{Err: errors.New(text)} }

func TestLacksScript(t *testing.T) {
	script := driver.NewCall(scripts.Mutex().Check, []any{"key"}, "token")
	plain := driver.NewCommand("get", []any{"key"})
	noScript := errors.New("NOSCRIPT No matching script.")
	for _, c := range []struct {
		call  *driver.Call
		err   error
		lacks bool
	}{
		{&script, answered("NOSCRIPT No matching script."), true},
		{&script, answered("ERR NOSCRIPT No matching script."), true},
		{&script, &driver.ReplyError{Err: fmt.Errorf("hook: %w", noScript)}, true},
		{&script, &driver.ReplyError{Err: fmt.Errorf("%w: %w", io.EOF, noScript)}, true},
		{&script, fmt.Errorf("adapter: %w", answered("NOSCRIPT No matching script.")), true},
		{&script, answered("ERR there is NOSCRIPT in it"), false},
		{&script, noScript, false}, // not the server's
		{&script, nil, false},
		{&plain, answered("NOSCRIPT No matching script."), false},
	} {
		require.Equal(t, c.lacks, c.call.LacksScript(c.err), "%v", c.err)
	}
}

// sending is a client that notes what it was to send.
type sending struct {
	sent    [][]string // names of the commands
	known   map[any]bool
	context []context.Context
}

// send answers calls of scripts that it does not know with NOSCRIPT, and else with the
// command's name and its last word.
func (s *sending) send(ctx context.Context, calls []*driver.Call, words [][]any) []driver.Reply {
	var names []string
	replies := make([]driver.Reply, len(calls))
	for i, its := range words {
		names = append(names, its[0].(string))
		switch script := calls[i].Script(); {
		case its[0] == "eval":
			s.known[script.SHA1()] = true
		case its[0] == "evalsha" && !s.known[script.SHA1()]:
			replies[i].Err = answered("NOSCRIPT No matching script.")
			continue
		}
		replies[i].Value = fmt.Sprint(its[0], " ", its[len(its)-1])
	}
	s.sent, s.context = append(s.sent, names), append(s.context, ctx)
	return replies
}

// again is a ctx like the engine's.
type again struct {
	context.Context
	resend context.Context
}

func (a again) ResendContext() context.Context { return a.resend }

func TestEvalBatch(t *testing.T) {
	check := func(token string) *driver.Call {
		call := driver.NewCall(scripts.Mutex().Check, []any{"key"}, token)
		return &call
	}
	release := driver.NewCall(scripts.Mutex().Extend, []any{"key"}, "r")
	get := driver.NewCommand("get", []any{"g"})
	calls := []*driver.Call{check("a"), &get, check("b"), &release, check("c")}
	s := &sending{known: map[any]bool{}}
	resend := t.Context()
	ctx := again{context.Background(), resend}

	want := []driver.Reply{{Value: "eval a"}, {Value: "get g"}, {Value: "evalsha b"}, {Value: "eval r"}, {Value: "evalsha c"}}
	require.Equal(t, want, driver.EvalBatch(ctx, calls, s.send))
	require.Equal(t, [][]string{
		{"evalsha", "get", "evalsha", "evalsha", "evalsha"},
		{"eval", "evalsha", "eval", "evalsha"},
	}, s.sent, "the source once per script")
	require.Equal(t, []context.Context{ctx, resend}, s.context)

	driver.EvalBatch(ctx, calls, s.send)
	require.Len(t, s.sent, 3, "the server knows all of them")
}

// What fails in other ways is not sent again, and neither is what fails twice.
func TestEvalBatchSendsTwiceAtMost(t *testing.T) {
	call := driver.NewCall(scripts.Mutex().Check, []any{"key"}, "token")
	for err, want := range map[error]int{io.EOF: 1, answered("NOSCRIPT No matching script."): 2, answered("ERR other"): 1} {
		sent := 0
		replies := driver.EvalBatch(context.Background(), []*driver.Call{&call}, func(context.Context, []*driver.Call, [][]any) []driver.Reply {
			sent++
			return driver.FailBatch(1, err)
		})
		require.Equal(t, driver.FailBatch(1, err), replies)
		require.Equal(t, want, sent, "%v", err)
	}
}
