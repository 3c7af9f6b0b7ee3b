package simnet

import "time"

// fate is what will happen to one request.
type fate struct {
	there, back time.Duration
	again       time.Duration // the second run comes so long after the first; 0 for none
	noRequest   bool
	noReply     bool
	breaks      bool // the connection does, at once, where something is lost
}

// fate draws what will happen to a request. It takes the same draws for every one.
func (w *Way) fate() (f fate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	net, r := w.net, w.random
	f.there, f.back = w.there+1+upTo(r, 2*ms), w.back+1+upTo(r, 2*ms)
	slow, late, twice := upTo(r, net.Bound), upTo(r, 2*net.Expiry), 1+upTo(r, net.Expiry)
	toss := r.IntN(1000)
	f.breaks = r.IntN(2) == 0
	if net.Quiet.Load() {
		return f
	}
	within := func(of int) bool { toss -= of; return toss < 0 }
	switch odds := net.Odds; {
	case within(odds.Slow):
		f.there += slow
	case within(odds.Slow):
		f.back += slow
	case within(odds.Late):
		f.there += net.Bound + late
	case within(odds.Request):
		f.noRequest = true
	case within(odds.Reply):
		f.noReply = true
	case within(odds.Twice):
		f.again = twice
	}
	return f
}

// count notes the faults of a request that has come so far.
func (w *Way) count(f fate) {
	meets := func(is bool, fault Fault) {
		if is {
			w.net.Meet(fault)
		}
	}
	longest := max(f.there, f.back)
	meets(longest > 3*ms && longest <= w.net.Bound, Slow)
	meets(f.there > w.net.Bound, Late)
	meets(f.noRequest, NoRequest)
	meets(w.node.Rate != 1, Clock)
	meets(w.there+w.back > w.net.Bound/4, Far)
}
