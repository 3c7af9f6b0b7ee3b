package driver

import (
	"context"
	"strings"
)

// ResendContext returns the ctx with which an adapter sends a call a second time, after
// the server has answered NOSCRIPT. Nothing was run then, so the second request may last
// as long as the first. An adapter calls it with the ctx that it was given.
func ResendContext(ctx context.Context) context.Context {
	if r, ok := ctx.(interface{ ResendContext() context.Context }); ok {
		return r.ResendContext()
	}
	return ctx
}

// LacksScript reports whether err is a server's answer that it lacks the script of the
// call, which is then sent again as its SourceCommand. Some servers and proxies (kvrocks)
// put ERR before NOSCRIPT.
func (c *Call) LacksScript(err error) bool {
	return c.script != nil && IsReply(err) && anyRoot(err, saysNoScript)
}

func saysNoScript(text string) bool { return strings.HasPrefix(withoutERR(text), "NOSCRIPT") }

// BatchSender sends commands at once, to one server, and returns a reply for each. words
// has the words of each call's command.
type BatchSender func(ctx context.Context, calls []*Call, words [][]any) []Reply

// EvalBatch implements [Batcher] by a function that sends commands. It calls send a
// second time for the calls whose scripts the server lacks. Of these the first of each
// script carries the source, and the server keeps it.
func EvalBatch(ctx context.Context, calls []*Call, send BatchSender) []Reply {
	words := make([][]any, len(calls))
	for i, call := range calls {
		words[i] = call.Command()
	}
	replies := send(ctx, calls, words)
	at, unknown := lackingScripts(calls, replies)
	if len(unknown) == 0 {
		return replies
	}
	for i, reply := range send(ResendContext(ctx), unknown, sources(unknown)) {
		replies[at[i]] = reply
	}
	return replies
}

// lackingScripts are the calls whose scripts the server lacks, and where they are.
func lackingScripts(calls []*Call, replies []Reply) (at []int, unknown []*Call) {
	for i, reply := range replies {
		if reply.Err != nil && calls[i].LacksScript(reply.Err) {
			at, unknown = append(at, i), append(unknown, calls[i])
		}
	}
	return at, unknown
}

// sources are the commands that run unknown calls: the source once per script.
func sources(unknown []*Call) [][]any {
	sent := make(map[string]bool) // by digest
	words := make([][]any, len(unknown))
	for i, call := range unknown {
		if words[i] = call.Command(); !sent[call.Script().SHA1()] {
			words[i] = call.SourceCommand()
			sent[call.Script().SHA1()] = true
		}
	}
	return words
}

// FailBatch returns the replies of a batch of n calls that all fail with err.
func FailBatch(n int, err error) []Reply {
	replies := make([]Reply, n)
	for i := range replies {
		replies[i].Err = err
	}
	return replies
}
