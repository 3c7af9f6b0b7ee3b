package histories

import (
	"os"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// The tests of the checker: histories that must be refused, beside ones that differ
// from them in one thing and must not.

// at makes the operations of a section: acquired between from and got, valid until
// until, given back between released and back, all in milliseconds.
func (r *record) at(kind string, slots []int, from, got, until, released, back int64) {
	r.numbered(kind, slots, 0, from, got, until, released, back)
}

// numbered is at with a fencing token.
func (r *record) numbered(kind string, slots []int, fence, from, got, until, released, back int64) {
	s := &stay{client: r.holds, kind: kind, slots: slots, fence: fence, got: r.moment(got), until: r.moment(until)}
	r.begin(s, r.moment(from))
	r.add(s, r.op(s, ends), r.moment(min(until, released)), r.moment(back))
}

// downgradedAt makes those of a writer that reads on from a Downgrade between called and back.
func (r *record) downgradedAt(from, got, called, back, until, released, gone int64) {
	s := &stay{client: r.holds, kind: "writer", got: r.moment(got), until: r.moment(until)}
	r.begin(s, r.moment(from))
	r.add(s, r.op(s, downgrades), r.moment(called), r.moment(back))
	s.kind = "reader"
	r.add(s, r.op(s, ends), r.moment(min(until, released)), r.moment(gone))
}

func (r *record) moment(ms int64) time.Time { return r.begun.Add(time.Duration(ms) * time.Millisecond) }

func TestCheckerRefusesBadHistories(t *testing.T) {
	for name, c := range map[string]struct {
		good bool
		add  func(*record)
	}{
		"one writer after the other": {true, func(r *record) {
			r.at("writer", nil, 0, 10, 100, 50, 60)
			r.at("writer", nil, 5, 55, 200, 90, 95)
		}},
		"two writers": {false, func(r *record) {
			r.at("writer", nil, 0, 10, 100, 50, 60)
			r.at("writer", nil, 5, 45, 200, 90, 95)
		}},
		"a writer after one that has expired": {true, func(r *record) {
			r.at("writer", nil, 0, 10, 100, 500, 510)
			r.at("writer", nil, 5, 120, 300, 200, 210)
		}},
		"a writer before one has expired": {false, func(r *record) {
			r.at("writer", nil, 0, 10, 100, 500, 510)
			r.at("writer", nil, 5, 95, 300, 200, 210)
		}},
		"two readers": {true, func(r *record) {
			r.at("reader", nil, 0, 10, 100, 50, 60)
			r.at("reader", nil, 5, 20, 100, 40, 45)
		}},
		"a writer beside a reader": {false, func(r *record) {
			r.at("reader", nil, 0, 10, 100, 50, 60)
			r.at("writer", nil, 5, 20, 100, 40, 45)
		}},
		"two slots": {true, func(r *record) {
			r.at("permit", []int{0}, 0, 10, 100, 50, 60)
			r.at("permit", []int{1}, 5, 20, 100, 40, 45)
		}},
		"one slot twice": {false, func(r *record) {
			r.at("permit", []int{1}, 0, 10, 100, 50, 60)
			r.at("permit", []int{1}, 5, 20, 100, 40, 45)
		}},
		"more than the limit": {false, func(r *record) {
			r.at("permit", []int{0, 1}, 0, 10, 100, 50, 60)
			r.at("permit", []int{2}, 5, 20, 100, 40, 45)
		}},
		"a lease that passes in time": {true, func(r *record) {
			r.at("writer", nil, 0, 10, 100, 50, 51)
			r.at("writer", nil, 5, 51, 100, 60, 61)
		}},
		"a lease that passes after its end": {false, func(r *record) {
			r.at("writer", nil, 0, 10, 100, 150, 151)
			r.at("writer", nil, 5, 151, 100, 160, 161)
		}},
		"a permit that passes after its end": {false, func(r *record) {
			r.at("permit", []int{0}, 0, 10, 100, 150, 151)
			r.at("permit", []int{0}, 5, 151, 100, 160, 161)
		}},
		"a lease that was over when it was asked for": {false, func(r *record) {
			r.at("writer", nil, 110, 151, 100, 160, 161)
		}},
		"a return that is late": {true, func(r *record) {
			r.at("writer", nil, 5, 151, 100, 160, 161)
		}},
		"numbers that grow": {true, func(r *record) {
			r.fenced = true
			r.numbered("writer", nil, 7, 0, 10, 100, 50, 51)
			r.numbered("writer", nil, 8, 5, 51, 100, 60, 61)
		}},
		"a number twice": {false, func(r *record) {
			r.fenced = true
			r.numbered("writer", nil, 7, 0, 10, 100, 50, 51)
			r.numbered("writer", nil, 7, 5, 51, 100, 60, 61)
		}},
		"a smaller number": {false, func(r *record) {
			r.fenced = true
			r.numbered("writer", nil, 7, 0, 10, 100, 50, 51)
			r.numbered("writer", nil, 6, 5, 51, 100, 60, 61)
		}},
		"no number": {false, func(r *record) {
			r.fenced = true
			r.at("writer", nil, 0, 10, 100, 50, 51)
		}},
		"a reader beside a writer that reads on": {true, func(r *record) {
			r.downgradedAt(0, 10, 20, 30, 100, 50, 60)
			r.at("reader", nil, 5, 35, 100, 40, 45)
		}},
		"a reader before a writer reads on": {false, func(r *record) {
			r.downgradedAt(0, 10, 20, 30, 100, 50, 60)
			r.at("reader", nil, 5, 15, 100, 40, 45)
		}},
		"a writer between a writer and its reading": {false, func(r *record) {
			r.downgradedAt(0, 10, 20, 30, 100, 50, 60)
			r.at("writer", nil, 12, 27, 100, 28, 29)
		}},
	} {
		r := &record{begun: time.Now()}
		if name == "more than the limit" {
			r.limit = 2
		}
		c.add(r)
		require.Equal(t, c.good, porcupine.CheckOperations(model, r.ops), name)
	}
}

func TestCheckerDrawsABadHistory(t *testing.T) {
	t.Setenv("HOLDFAST_ARTIFACTS", t.TempDir())
	r := &record{begun: time.Now()}
	r.at("writer", nil, 0, 10, 100, 50, 60)
	r.at("writer", nil, 5, 45, 200, 90, 95)
	result, info := porcupine.CheckOperationsVerbose(model, r.ops, checkFor)
	require.Equal(t, porcupine.Illegal, result)
	picture, err := os.ReadFile(draw(t, "a/test:bad", info))
	require.NoError(t, err)
	require.Contains(t, string(picture), "writer 2")
}
