package outbox

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestCallsThatMayWaitDoSoForOthers(t *testing.T) {
	within(t, ofMany, func(w *world) {
		a := w.post("a", mayWait)
		time.Sleep(maxWait / 2)
		b := w.post("b", mayWait)
		time.Sleep(2 * maxWait)
		c := w.post("c", mayWait, bound(8*time.Millisecond))
		time.Sleep(2 * maxWait)
		assert.Equal(t, []string{"a b", "c"}, w.groups())
		assert.Equal(t, maxWait, a.left())
		assert.Equal(t, maxWait, b.left())
		assert.Equal(t, 5*maxWait/2+time.Millisecond, c.left(), "a part of its bound at most")
	})
}

func TestAFullBatchOfCallsThatMayWaitGoesAtOnce(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.delay = always(time.Millisecond)
		all := w.numbered("n", 2*maxCalls+44, mayWait)
		time.Sleep(2 * maxWait)
		assert.Equal(t, []int{maxCalls, maxCalls, 44}, w.sizes())
		assert.Zero(t, all[2*maxCalls-1].left())
		assert.Equal(t, maxWait, all[2*maxCalls].left())
	})
}

func TestCallsThatMayWaitGoWithOthers(t *testing.T) {
	within(t, ofMany, func(w *world) {
		w.postAll("a b", mayWait)
		time.Sleep(maxWait / 2)
		c := w.post("c")
		time.Sleep(2 * maxWait)
		assert.Equal(t, []string{"c a b"}, w.groups())
		assert.Equal(t, maxWait/2, c.left())
	})
}

func TestCallsThatMayWaitGoAtOnceWhereNothingCanJoin(t *testing.T) {
	within(t, ofOne, func(w *world) {
		a := w.post("a", mayWait)
		synctest.Wait()
		assert.Zero(t, a.left())
	})
	within(t, ofMany, func(w *world) {
		a := w.post("a", mayWait, alone)
		synctest.Wait()
		assert.Zero(t, a.left())
	})
}
