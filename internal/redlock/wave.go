package redlock

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/holdfast-go/holdfast/driver"
)

// wave is a number of holds that are renewed together. Each has a round of its own,
// which decides by the same rules as any other; but a node is asked for all of them
// at once, by its driver's batch, or else by a few goroutines.
type wave struct {
	engine  *Engine
	window  *window
	start   instant
	rounds  []*round
	decided chan *round
	missing map[*node][]*hold // what is to be repaired, and where
}

const (
	// mostWaves is how many waves are under way at a time. Further holds wait, so
	// that as many as there are need no more goroutines.
	mostWaves = 4
	// mostStragglers is how many more may be decided, and wait for the answers of a
	// minority. Without them a node that is slow would hold up the renewal of holds
	// that a majority has renewed at once.
	mostStragglers = 12
	// mostInWave is how many holds a wave has at most. A node runs their extensions
	// in about a millisecond, and others' calls wait that long.
	mostInWave = 128
	// mostSingly is how many goroutines ask a node whose driver has no batches.
	mostSingly = 8
)

// renew hands holds to the workers, and starts workers as needed.
func (k *keeper) renew(holds []*hold) {
	if len(holds) == 0 {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ready = append(k.ready, holds...)
	for range (len(holds) + mostInWave - 1) / mostInWave {
		if k.workers < mostWaves {
			k.workers++
			go k.work()
		}
	}
}

// work renews what is ready, and ends when there is nothing more.
func (k *keeper) work() {
	for holds := k.nextWave(); holds != nil; holds = k.nextWave() {
		k.engine.newWave(holds).run()
	}
}

// nextWave takes holds whose calls may last equally long. It returns nil when there
// are none, and the worker is gone.
func (k *keeper) nextWave() []*hold {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for n < len(k.ready) && n < mostInWave && k.ready[n].spec.bound == k.ready[0].spec.bound {
		n++
	}
	if n == 0 {
		k.workers--
		k.ready = nil
		return nil
	}
	holds := append([]*hold(nil), k.ready[:n]...)
	clear(k.ready[:n])
	k.ready = k.ready[n:]
	return holds
}

// newWave prepares the rounds of holds. Their one start lies before their first
// request.
func (e *Engine) newWave(holds []*hold) *wave {
	w := &wave{engine: e, start: e.now(), decided: make(chan *round, len(holds)), missing: make(map[*node][]*hold)}
	w.window = e.windows.within(w.start.Time, holds[0].spec.bound)
	for _, h := range holds {
		r, err := h.prepareExtension(context.Background())
		if err != nil {
			h.endRenewal(false)
			continue
		}
		r.start, r.ctx.window = w.start, w.window
		if r.beginIn(w.decided) {
			w.end(r)
			continue
		}
		w.rounds = append(w.rounds, r)
	}
	return w
}

// run asks the nodes, and returns when all have answered or the calls' time is over; or
// when all rounds are decided, unless many waves wait for the rest already.
func (w *wave) run() {
	defer w.repair()
	asked := w.ask()
	for range w.rounds {
		select {
		case r := <-w.decided:
			w.end(r)
		case <-w.window.over:
			w.leave()
			return
		}
	}
	stragglers := w.engine.keeper.stragglers
	select {
	case <-asked:
	case <-w.window.over:
	case stragglers <- struct{}{}:
		go func() {
			<-asked
			<-stragglers
		}()
	}
}

// leave ends the rounds that are not decided.
func (w *wave) leave() {
	for _, r := range w.rounds {
		r.leaveWave()
	}
	for {
		select {
		case r := <-w.decided:
			w.end(r)
		default:
			return
		}
	}
}

// end takes the outcome of one round.
func (w *wave) end(r *round) {
	h := r.hold
	missing, err := h.extended(r)
	h.endRenewal(r.won && err == nil)
	for _, n := range missing {
		w.missing[n] = append(w.missing[n], h)
	}
}

// repair puts holds back on nodes that had nothing of them, one after the other: a
// node that was restarted empty has lost all of them at once.
func (w *wave) repair() {
	for n, holds := range w.missing {
		n.gate.background.Add(1)
		go func() {
			defer n.gate.background.Add(-1)
			for _, h := range holds {
				if !n.gate.silent.Load() {
					h.repair(n)
				}
			}
		}()
	}
}

// ask sends each node the calls of those rounds that ask it. The channel is closed
// when all have been answered.
func (w *wave) ask() <-chan struct{} {
	var nodes sync.WaitGroup
	for _, n := range w.engine.nodes {
		if rounds := w.asking(n); len(rounds) > 0 {
			nodes.Go(func() { n.askAll(w.window, rounds) })
		}
	}
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		nodes.Wait()
	}()
	return asked
}

// asking lists the rounds that ask n.
func (w *wave) asking(n *node) []*round {
	var rounds []*round
	for _, r := range w.rounds {
		if r.slots[n.index].pass != noPass {
			rounds = append(rounds, r)
		}
	}
	return rounds
}

// askAll sends the calls of rounds and takes the answers.
func (n *node) askAll(w *window, rounds []*round) {
	if n.batcher == nil {
		n.askSingly(rounds)
		return
	}
	calls := make([]*driver.Call, len(rounds))
	for i, r := range rounds {
		calls[i] = &r.call
	}
	ctx := callContext{window: w, values: context.Background()}
	replies := n.batcher.EvalBatch(&ctx, calls)
	var refused sync.WaitGroup
	for i, r := range rounds {
		if err := replies[i].Err; driver.RefusesKeys(err) {
			refused.Go(func() { r.finish(n, n.askAlone(&ctx, calls[i], err)) })
			continue
		}
		r.finish(n, n.read(calls[i], replies[i].Value, replies[i].Err))
	}
	refused.Wait()
}

// askSingly sends one call after the other, some at a time. What is left when the
// time of a call is over is not sent.
func (n *node) askSingly(rounds []*round) {
	var next atomic.Int32
	var all sync.WaitGroup
	for range min(mostSingly, len(rounds)) {
		all.Go(func() {
			for i := int(next.Add(1)); i <= len(rounds); i = int(next.Add(1)) {
				r := rounds[i-1]
				if r.ctx.Err() != nil {
					r.finish(n, answer{vote: voteError, err: errNoAnswer})
					continue
				}
				r.finish(n, n.ask(&r.ctx, &r.call))
			}
		})
	}
	all.Wait()
}
