package inspect

import (
	"context"
	"errors"
	"fmt"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/driver"
)

// Release frees a lease on every node, of any process, and notifies those in line that
// it serves. It returns the numbers of the nodes that had the lease; none when it had ended
// before.
//
// It needs the Kind, Name, Mode and Value of a [Holder]. It acts on that value only: the
// lease of a holder that came meanwhile is left alone. The holder itself is not asked. Its
// next renewal finds the lease gone from a majority, and closes its Lost; a holder that
// does not renew notices at its Until. So end its work first where that matters: the next
// in line begins at once. A holder with WithSetNXOnExtend takes a free lock back.
//
// The error names the nodes that did not answer. There the lease may stand until it
// expires, and the call may be repeated.
func (in *Inspector) Release(ctx context.Context, h Holder) (freed []int, err error) {
	if err := in.usable(h.Name); err != nil {
		return nil, err
	}
	k := kindOf(h.Kind)
	if k == nil || k.release[h.Mode] == nil {
		return nil, fmt.Errorf("inspect: %w: no lock %q of kind %q has a holder of mode %q", holdfast.ErrConfig, h.Name, h.Kind, h.Mode)
	}
	if h.Value == "" {
		return nil, fmt.Errorf("inspect: %w: %s %q: no value to release: 0 bytes given, at least 1 needed", holdfast.ErrConfig, k.name, h.Name)
	}
	var failed []error
	for i, a := range in.ask(ctx, k.releaseCall(h)) {
		if driver.RefusesKeys(a.err) {
			a = in.askWithoutQueue(ctx, i, k.releaseCall(h), a)
		}
		switch had, ok := a.reply.(int64); {
		case a.err != nil:
			failed = append(failed, in.nodeError(i, a.err))
		case !ok:
			failed = append(failed, in.nodeError(i, fmt.Errorf("%w: %.100q", errReply, fmt.Sprint(a.reply))))
		case had == 1:
			freed = append(freed, i)
		}
	}
	if len(failed) > 0 {
		return freed, fmt.Errorf("inspect: release %s %q: %w", k.name, h.Name, errors.Join(failed...))
	}
	return freed, nil
}

// askWithoutQueue releases a lease by its own keys on a node that refuses those of the line: see
// driver.Call.WithoutQueue. Where that is not possible the refusal stands.
func (in *Inspector) askWithoutQueue(ctx context.Context, i int, call driver.Call, refused answer) answer {
	alone, ok := call.WithoutQueue()
	if !ok {
		return refused
	}
	return (&Inspector{pools: in.pools[i : i+1]}).ask(ctx, alone)[0]
}
