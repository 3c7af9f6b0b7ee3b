package redlock

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

// Two releases become due in one moment, as those of a hold and of its mark do: the
// second must not be left because it came just when the goroutine that sent the first
// had found no more.
func TestDebtThatComesAsTheCollectingEndsIsPaid(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		n := b.engine.nodes[0]
		h := adopt(b.engine.NewSpec(testProtocol, "name", DefaultConfig()), "value")
		h.end()
		n.debts.collecting.Store(true) // by a goroutine that has paid the last debt,
		require.Nil(t, n.debts.take()) // and has just seen that
		n.owe(h)
		n.debts.collect(n)
		synctest.Wait()
		require.Zero(t, n.debts.count.Load())
	})
}

// A node that stops answering while it is sent what it owes is sent the rest when it
// next answers.
func TestDebtsAreCollectedAgainAfterAFailure(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		n := b.engine.nodes[0]
		s := b.engine.NewSpec(testProtocol, "name", DefaultConfig())
		for _, value := range []string{"one", "another"} {
			h := adopt(s, value)
			h.end()
			n.owe(h)
		}
		failed := once("mutex_release")
		b.nodes[0].fault = func(call *driver.Call) error {
			if failed(call) {
				return errLostReply
			}
			return nil
		}
		n.debts.collect(n)
		synctest.Wait()
		require.EqualValues(t, 2, n.debts.count.Load(), "the first is owed again, the second not tried")
		require.Zero(t, b.nodes[0].ran(scripts.MutexRelease))

		x := NewExclusive(b.engine.NewSpec(testProtocol, "other", DefaultConfig()))
		b.lock(x)
		synctest.Wait()
		require.Zero(t, n.debts.count.Load())
		b.unlock(x)
	})
}
