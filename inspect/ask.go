package inspect

import (
	"context"
	"errors"
	"fmt"

	"github.com/holdfast-go/holdfast/driver"
)

// errNoAnswer is why a node is unreachable that did not refuse anything.
var errNoAnswer error = noAnswer{}

// noAnswer reports, as errors of package net do, that it is a timeout.
type noAnswer struct{}

func (noAnswer) Error() string { return fmt.Sprintf("no answer within %v", Timeout) }
func (noAnswer) Timeout() bool { return true }

// answer is what a node said to a call.
type answer struct {
	reply any
	err   error
}

// answered reports whether the server itself did, be it with an error.
func (a answer) answered() bool { return a.err == nil || driver.IsReply(a.err) }

// ask sends one call to every node at the same time, and returns what each one answered,
// in their order, after [Timeout] at the latest. A driver that does not return by then
// keeps its goroutine until it does.
func (in *Inspector) ask(ctx context.Context, call driver.Call) []answer {
	if ctx == nil {
		ctx = context.Background()
	}
	bounded, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	answers := make([]answer, len(in.pools))
	replies := make([]chan answer, len(in.pools))
	for i, pool := range in.pools {
		replies[i] = make(chan answer, 1)
		go func() {
			reply, err := pool.Eval(bounded, &call)
			replies[i] <- answer{reply, err}
		}()
	}
	for i := range answers {
		answers[i] = await(ctx, bounded, replies[i])
	}
	return answers
}

// await takes an answer, or says why there is none.
func await(ctx, bounded context.Context, reply <-chan answer) answer {
	select {
	case a := <-reply:
		return a.explained(ctx)
	case <-bounded.Done():
	}
	select {
	case a := <-reply: // it came at the same time
		return a.explained(ctx)
	default:
		return answer{err: context.DeadlineExceeded}.explained(ctx)
	}
}

// explained says in place of a passed deadline whose it was.
func (a answer) explained(ctx context.Context) answer {
	if a.answered() || !errors.Is(a.err, context.DeadlineExceeded) && !errors.Is(a.err, context.Canceled) {
		return a
	}
	if ctx.Err() != nil {
		return answer{err: context.Cause(ctx)}
	}
	return answer{err: errNoAnswer}
}
