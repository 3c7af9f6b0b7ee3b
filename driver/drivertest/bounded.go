package drivertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// bounded has a call that is promised to return in time meet a server that has stopped.
func (s suite) bounded(t *testing.T) {
	redistest.Needs(t, redistest.CanPause)
	node := redistest.StartOne(t)
	pool, key := s.pool(t, node.Addr(), Options{ReadTimeout: ages}), redistest.Name(t)
	bounded := as[driver.Bounded](t, pool)
	requireEventually(t, pool, key) // connects
	node.Pause(t)
	ctx, done := within(t, soon), make(chan answer, 1)
	go func() {
		reply, ok, err := bounded.EvalBounded(ctx, check(key, "token"))
		assert.True(t, ok, "it promises nothing")
		done <- answer{reply, err}
	}()
	reply, err := receive(t, done)
	requireUnknown(t, reply, err)
	deadline, _ := ctx.Deadline()
	require.Less(t, time.Until(deadline), soon/2, "it has not waited")
	node.Resume(t)
	s.requireRecovery(t, node)
	requireEventually(t, pool, key)
}
