package driver

import "github.com/holdfast-go/holdfast/scripts"

// Call is one call of a script or of a plain command, made once and sent to any number
// of nodes. It is read-only and safe for concurrent use: adapters must not change the
// slices that it returns.
type Call struct {
	script  *scripts.Script // nil for a plain command
	command []any
	keys    int // how many words of command are keys
}

// NewCall returns a call of script. Keys are strings; arguments are strings or int64.
//
// Both are of type any, as client libraries take them, so that a caller that uses a
// key often converts it once.
func NewCall(script *scripts.Script, keys []any, args ...any) Call {
	command := make([]any, 0, scriptWords+len(keys)+len(args))
	command = append(command, evalSHA, script.SHA1Word(), keyCount(len(keys)))
	return newCall(script, command, keys, args)
}

// NewCommand returns a call of a plain command, such as SET: its name, its keys, then
// its arguments. So it is for commands whose keys come first. Keys and arguments are of
// the same types as those of [NewCall]. The name is best in lower case, which adapters
// do not have to convert.
//
//	driver.NewCommand("set", []any{"invoice:42"}, token, "NX", "PX", int64(8000))
func NewCommand(name string, keys []any, args ...any) Call {
	command := append(make([]any, 0, commandWords+len(keys)+len(args)), name)
	return newCall(nil, command, keys, args)
}

// How many words stand before the keys.
const (
	scriptWords  = 3 // EVALSHA, digest, number of keys
	commandWords = 1
)

func newCall(script *scripts.Script, command, keys, args []any) Call {
	command = append(command, keys...)
	return Call{script: script, command: append(command, args...), keys: len(keys)}
}

// Script is the script to run, or nil for a plain command. An adapter that keeps its
// own handles of scripts needs it, and to know what NOSCRIPT is about.
func (c *Call) Script() *scripts.Script { return c.script }

// Name is the script's name or the plain command's, for error texts and traces.
func (c *Call) Name() string {
	if c.script != nil {
		return c.script.Name()
	}
	name, _ := c.command[0].(string)
	return name
}

// Command is the whole command to send. Of a script it is EVALSHA:
//
//	"evalsha"                  string
//	the script's digest        string
//	the number of keys         int
//	keys, then arguments       string or int64
//
// Of a plain command it is the command's name, a string, its keys and its arguments.
func (c *Call) Command() []any { return c.command }

// SourceCommand is Command as EVAL with the script's source in the place of its digest,
// for a server that answered NOSCRIPT. It is nil for a plain command.
func (c *Call) SourceCommand() []any {
	if c.script == nil {
		return nil
	}
	command := append([]any(nil), c.command...)
	command[0], command[1] = eval, c.script.Source()
	return command
}

// Keys are the call's keys, which are strings. The first decides where a Cluster serves
// the call.
func (c *Call) Keys() []any { return c.command[c.before() : c.before()+c.keys] }

// Args are the call's arguments.
func (c *Call) Args() []any { return c.command[c.before()+c.keys:] }

// before is how many words stand before the keys.
func (c *Call) before() int {
	if c.script == nil {
		return commandWords
	}
	return scriptWords
}

// WithoutQueue returns the same call without the keys of the waiters' queue, for a
// server that refuses them: see [RefusesKeys]. It reports false where the script needs
// all of its keys, and for a plain command.
func (c *Call) WithoutQueue() (Call, bool) {
	if c.script == nil {
		return Call{}, false
	}
	script, keys, args, ok := c.script.WithoutQueue(c.Keys(), c.Args())
	if !ok {
		return Call{}, false
	}
	return NewCall(script, keys, args...), true
}

// Words that every call shares, converted to an interface once.
var (
	evalSHA any = "evalsha"
	eval    any = "eval"
)

// keyCount returns n as a word. It is an int because hooks of go-redis know it as one,
// from its own EvalSha. Small integers cost no allocation.
func keyCount(n int) any { return n }
