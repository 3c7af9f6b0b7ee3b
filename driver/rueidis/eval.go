package rueidis

import (
	"context"
	"strconv"
	"strings"
	"unicode"

	"github.com/redis/rueidis"

	"github.com/holdfast-go/holdfast/driver"
)

// eval runs call, a script by its digest, and by its source if the server has forgotten
// it. NOSCRIPT means that nothing was run, so this is no retry.
func eval(ctx context.Context, to rueidis.CoreClient, call *driver.Call) (any, error) {
	reply, err := outcome(to.Do(ctx, command(to, call, call.Command())))
	if err != nil && call.LacksScript(err) {
		reply, err = outcome(to.Do(driver.ResendContext(ctx), command(to, call, call.SourceCommand())))
	}
	return reply, err
}

// evalBatch runs calls in one pipeline, and in a second one those whose scripts the
// server lacks.
func evalBatch(ctx context.Context, to rueidis.CoreClient, calls []*driver.Call) []driver.Reply {
	return driver.EvalBatch(ctx, calls, func(ctx context.Context, calls []*driver.Call, words [][]any) []driver.Reply {
		return pipeline(ctx, to, calls, words)
	})
}

// pipeline sends commands at once.
func pipeline(ctx context.Context, to rueidis.CoreClient, calls []*driver.Call, words [][]any) []driver.Reply {
	commands := make(rueidis.Commands, len(calls))
	for i, call := range calls {
		commands[i] = command(to, call, words[i])
	}
	replies := make([]driver.Reply, len(calls))
	for i, result := range to.DoMulti(ctx, commands...) {
		replies[i].Value, replies[i].Err = outcome(result)
	}
	return replies
}

// command makes the client's command of a call's words. It is one that the client does not
// send again, as it is not marked as a read.
//
// It is marked as blocking, though it is not, so that it has a connection to itself. In the
// pipeline that the application's commands share, a call whose caller has given up stays in
// line, and would be sent after the release that was to follow it. It also takes the
// place of the client's ConnWriteTimeout by the deadline of ctx.
//
// Only the first key counts for the slot: a Cluster refuses keys of several slots itself,
// where the client would panic.
func command(to rueidis.CoreClient, call *driver.Call, words []any) rueidis.Completed {
	texts := make([]string, len(words))
	for i, word := range words {
		texts[i] = text(word)
	}
	before := 1
	if call.Script() != nil {
		before = 3 // EVALSHA, digest, number of keys
	}
	c := to.B().Arbitrary(texts[:before]...)
	if len(call.Keys()) > 0 {
		c = c.Keys(texts[before])
		before++
	}
	return c.Args(texts[before:]...).Blocking()
}

func text(word any) string {
	switch word := word.(type) {
	case int:
		return strconv.Itoa(word)
	case int64:
		return strconv.FormatInt(word, 10)
	}
	return word.(string)
}

// outcome sorts what came back.
func outcome(result rueidis.RedisResult) (any, error) {
	reply, err := result.ToAny()
	if err != nil {
		return nil, classify(err)
	}
	return reply, nil
}

// classify separates the server's answers, also those to a login, from all that may go
// wrong on the way: the former become a [driver.ReplyError]. A nil reply, an error of the
// client's, is none.
func classify(err error) error {
	if rueidis.IsRedisNil(err) {
		return nil
	}
	if answer, ok := rueidis.IsRedisErr(err); ok {
		return &driver.ReplyError{Err: whole(answer)}
	}
	return err
}

// whole gives an answer back the ERR that the client has cut off. Every other code is
// a word in capitals.
func whole(answer *rueidis.RedisError) error {
	code, _, _ := strings.Cut(answer.Error(), " ")
	if code != "" && strings.IndexFunc(code, unicode.IsLower) < 0 {
		return answer
	}
	return &generic{answer}
}

// generic is an answer without a code of its own.
type generic struct{ *rueidis.RedisError }

func (g *generic) Error() string { return "ERR " + g.RedisError.Error() }

// Unwrap returns the client's own error.
func (g *generic) Unwrap() error { return g.RedisError }
