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

// at makes the operations of a hold: acquired between from and got, valid until
// until, given back between released and back, all in milliseconds.
func (r *record) at(kind string, slots []int, from, got, until, released, back int64) {
	s := &stay{number: len(r.ops)/2 + 1, client: len(r.ops) / 2, kind: kind, slots: slots}
	moment := func(ms int64) time.Time { return r.begun.Add(time.Duration(ms) * time.Millisecond) }
	r.add(s, false, moment(from), moment(got))
	r.add(s, true, moment(min(until, released)), moment(back))
}

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
