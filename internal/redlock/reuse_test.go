package redlock

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
)

// keptRequest is what a driver, or a hook of its client, was given and has kept.
type keptRequest struct {
	ctx      context.Context
	deadline time.Time
	value    any
	call     *driver.Call
	script   string
	token    any
}

type keepingPool struct {
	mu   sync.Mutex
	kept []keptRequest
}

type callerKey struct{}

func (p *keepingPool) Eval(ctx context.Context, call *driver.Call) (any, error) {
	deadline, _ := ctx.Deadline()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = append(p.kept, keptRequest{ctx, deadline, ctx.Value(callerKey{}), call, call.Script().Name(), call.Args()[0]})
	return one, nil
}

func (p *keepingPool) EvalBounded(ctx context.Context, call *driver.Call) (any, bool, error) {
	reply, err := p.Eval(ctx, call)
	return reply, true, err
}

// The memory of rounds is used again, but none that was given to a driver.
func TestWhatADriverWasGivenStaysAsItWas(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		pools, keeping := make([]driver.Pool, nodes), make([]*keepingPool, nodes)
		for i := range pools {
			keeping[i] = new(keepingPool)
			pools[i] = keeping[i]
		}
		x := NewExclusive(New(pools...).NewSpec(testProtocol, "name", DefaultConfig()))
		for i := range 50 {
			ctx := context.WithValue(context.Background(), callerKey{}, "caller "+strconv.Itoa(i))
			require.NoError(t, x.Lock(ctx))
			ok, err := x.Unlock(ctx)
			require.True(t, ok, err)
		}
		for _, p := range keeping {
			p.mu.Lock()
			require.NotEmpty(t, p.kept)
			for _, k := range p.kept {
				deadline, _ := k.ctx.Deadline()
				require.Equal(t, k.deadline, deadline)
				require.Equal(t, k.value, k.ctx.Value(callerKey{}))
				require.Equal(t, k.script, k.call.Script().Name())
				require.Equal(t, k.token, k.call.Args()[0])
			}
			p.mu.Unlock()
		}
	}
}
