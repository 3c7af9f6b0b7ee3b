package scenarios

import "github.com/holdfast-go/holdfast/bench/internal/measure"

// subject is what one figure is about.
type subject struct {
	who       string // contestant's name
	condition string
	kind      kind
	operation string
}

// healthy is the subject that s is compared with.
func (s subject) healthy() subject {
	s.condition = healthy.name
	return s
}

// record is the calls that were made for a subject.
type record struct {
	calls []call
}

// byRound splits a record. A nil record has no rounds.
func (r *record) byRound() map[int]*record {
	rounds := make(map[int]*record)
	if r == nil {
		return rounds
	}
	for _, c := range r.calls {
		if rounds[c.round] == nil {
			rounds[c.round] = &record{}
		}
		rounds[c.round].calls = append(rounds[c.round].calls, c)
	}
	return rounds
}

// quantile is the q-th quantile of the calls' latencies, in nanoseconds. A call
// that hung counts with the time it was given.
func (r *record) quantile(q float64) float64 {
	took := make([]int64, len(r.calls))
	for i, c := range r.calls {
		took[i] = c.took.Nanoseconds()
	}
	return measure.Quantile(took, q)
}

// slow reports whether any call took too long to be asked for again.
func (r *record) slow() bool {
	return r.count(func(c call) bool { return c.hung || c.took > slow }) > 0
}

// hung is how many calls did not return in the time they were given.
func (r *record) hung() int { return r.count(func(c call) bool { return c.hung }) }

// failed is how many calls returned and said no.
func (r *record) failed() int { return r.count(func(c call) bool { return c.err != nil }) }

func (r *record) count(is func(call) bool) (n int) {
	for _, c := range r.calls {
		if is(c) {
			n++
		}
	}
	return n
}
