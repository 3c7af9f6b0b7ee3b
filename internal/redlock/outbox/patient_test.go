package outbox

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPatientCallsWaitForOthers(t *testing.T) {
	within(t, ofMany, func(w *world) {
		a := w.post("a", patient)
		time.Sleep(patience / 2)
		b := w.post("b", patient)
		time.Sleep(2 * patience)
		c := w.post("c", patient, bound(8*time.Millisecond))
		time.Sleep(2 * patience)
		assert.Equal(t, []string{"a b", "c"}, w.groups())
		assert.Equal(t, patience, a.left())
		assert.Equal(t, patience, b.left())
		assert.Equal(t, 5*patience/2+time.Millisecond, c.left(), "a part of its bound at most")
	})
}

func TestAFullBatchOfPatientCallsGoesAtOnce(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(time.Millisecond)
		all := w.numbered("n", 2*maxCalls+44, patient)
		time.Sleep(2 * patience)
		assert.Equal(t, []int{maxCalls, maxCalls, 44}, w.sizes())
		assert.Zero(t, all[2*maxCalls-1].left())
		assert.Equal(t, patience, all[2*maxCalls].left())
	})
}

func TestPatientCallsGoWithOthers(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.postAll("a b", patient)
		time.Sleep(patience / 2)
		c := w.post("c")
		time.Sleep(2 * patience)
		assert.Equal(t, []string{"c a b"}, w.groups())
		assert.Equal(t, patience/2, c.left())
	})
}

func TestPatientCallsGoAtOnceWhereNothingCanJoin(t *testing.T) {
	within(t, ofOne, func(w *world) {
		a := w.post("a", patient)
		synctest.Wait()
		assert.Zero(t, a.left())
	})
	within(t, ofMany, func(w *world) {
		a := w.post("a", patient, alone)
		synctest.Wait()
		assert.Zero(t, a.left())
	})
}
