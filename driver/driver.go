// Package driver is the border between Holdfast's engine and the Redis client
// that an application already uses.
//
// A [Pool] is one voter: one independent Redis (a single server, a Sentinel
// group or a Cluster) that the engine asks to run a script. Adapters for
// go-redis and redigo live in the packages below this one; another client needs
// one method.
//
// Abilities that not every client has are small interfaces of their own that a
// Pool may also implement: [Bounded], [Validator], [Subscriber], [Batcher], [Located],
// [Diagnoser], [Identified].
package driver

import (
	"context"
	"errors"
	"strings"

	"github.com/holdfast-go/holdfast/scripts"
)

// Pool runs scripts on one independent Redis. It must be safe for concurrent
// use; the engine calls it from many goroutines.
type Pool interface {
	// Eval runs the call's script once and returns its reply: an int64, a
	// string (for bulk and status replies), nil, or a []any of these.
	//
	// It sends EVALSHA first and the source only after the server said
	// NOSCRIPT. It never retries: a call whose reply was lost may have run.
	//
	// ctx always carries a deadline, after which nobody waits for the reply.
	// Eval should give up by then, but the engine does not rely on it. ctx's values are the caller's, for
	// tracing.
	//
	// An error that the server itself sent is a [*ReplyError]. Any other error
	// means that the outcome is not known.
	Eval(ctx context.Context, call *Call) (any, error)
}

// Bounded is implemented by a Pool that can promise when a call returns. When
// there is only one node to ask, the engine then calls it in the caller's own
// goroutine, which saves the cost of another one and of two switches.
type Bounded interface {
	// EvalBounded is Eval, but returns by the deadline of its ctx, or at once
	// after it, whatever the server and the network do. When the Pool can not
	// promise that at the moment, ok is false at once, and nothing was sent.
	EvalBounded(ctx context.Context, call *Call) (reply any, ok bool, err error)
}

// Validator is implemented by a Pool that can tell, without asking the server,
// that it can not serve as a voter.
type Validator interface {
	// Validate returns why the pool can not be used (no client, a client that
	// spreads keys over several independent servers), or nil. The engine asks
	// before it sends anything, and reports the error as a misconfiguration.
	Validate() error
}

// ReplyError is an error that the server sent in reply, as opposed to one of
// the connection: the node is up, and it did not run the script to its end.
// Scripts fail before their first write, so nothing was changed.
type ReplyError struct {
	// Err is the client library's own error, for errors.As.
	Err error
}

// unauthenticated is what a server says instead of NOAUTH to a command of more than
// ten words.
const unauthenticated = "unauthenticated multibulk length"

func (e *ReplyError) Error() string {
	text := e.Err.Error()
	if strings.Contains(text, unauthenticated) {
		return "NOAUTH Authentication required: " + text
	}
	return text
}

// Unwrap returns the client library's own error.
func (e *ReplyError) Unwrap() error { return e.Err }

// IsReply reports whether the server itself sent err.
func IsReply(err error) bool {
	var reply *ReplyError
	return errors.As(err, &reply)
}

// Call is one script call, prepared once and sent to any number of nodes. It is
// read-only once made and safe for concurrent use: adapters must not change the
// slices it returns.
type Call struct {
	script *scripts.Script
	words  []any // EVALSHA, digest, number of keys, keys…, arguments…
}

// NewCall prepares a call of script with keys and arguments. Keys are strings;
// arguments are strings or int64.
//
// Keys come as values of type any, and arguments too, because that is what both
// client libraries take: a caller that uses a name often converts it once.
func NewCall(script *scripts.Script, keys []any, args ...any) Call {
	words := make([]any, 0, 3+len(keys)+len(args))
	words = append(words, evalSHA, script.SHA1Word(), keyCount(len(keys)))
	words = append(words, keys...)
	words = append(words, args...)
	return Call{script: script, words: words}
}

// Script is the script to run.
func (c *Call) Script() *scripts.Script { return c.script }

// Words is the whole EVALSHA command: its name, the script's digest, the number
// of keys, keys and arguments.
func (c *Call) Words() []any { return c.words }

// SourceWords is the same command as EVAL, with the script's source, for a
// server that answered NOSCRIPT.
func (c *Call) SourceWords() []any {
	words := append([]any(nil), c.words...)
	words[0], words[1] = eval, c.script.Source()
	return words
}

// Keys are the call's keys.
func (c *Call) Keys() []any {
	return c.words[3 : 3+c.words[2].(int)]
}

// Args are the call's arguments.
func (c *Call) Args() []any {
	return c.words[3+c.words[2].(int):]
}

// Alone returns the same call for a server that refuses the keys of the line, if there
// is one: see [scripts.Alone].
func (c *Call) Alone() (Call, bool) {
	how, ok := c.script.Alone()
	if !ok {
		return Call{}, false
	}
	args := append([]any(nil), c.Args()...)
	if how.Args > 0 {
		args = args[:how.Args]
	}
	if how.Place > 0 {
		args[how.Place] = ""
	}
	return NewCall(how.Script, c.Keys()[how.From:how.To], args...), true
}

// RefusesKeys reports whether err says that a server has not run a script because of
// the keys that it names: not all of them are at one place (TRYAGAIN), or may be
// (CROSSSLOT).
func RefusesKeys(err error) bool {
	if err == nil {
		return false // before anything is allocated
	}
	var reply *ReplyError
	if !errors.As(err, &reply) {
		return false
	}
	text := reply.Err.Error()
	return strings.HasPrefix(text, "TRYAGAIN") || strings.HasPrefix(text, "CROSSSLOT")
}

// Words that every call shares, converted to an interface once.
var (
	evalSHA any = "evalsha"
	eval    any = "eval"
)

// keyCount returns n as a word. It is an int because hooks of go-redis know it as one,
// from its own EvalSha. Small integers cost no allocation.
func keyCount(n int) any { return n }
