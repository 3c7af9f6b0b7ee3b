package redlock

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/scripts"
)

func TestLockerRenewsUntilUnlock(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		l := x.Locker()
		l.Lock()
		time.Sleep(time.Hour)
		require.False(t, x.lease.over())
		l.Unlock()
		b.nothingLeft()
		extensions := b.nodes[0].Ran(scripts.Mutex().Extend)
		require.InDelta(t, time.Hour/(x.spec.lifetime()/renewAfter), extensions, 2)
		time.Sleep(time.Hour)
		require.Equal(t, extensions, b.nodes[0].Ran(scripts.Mutex().Extend), "none after Unlock")
	})
}

func TestRenewalSurvivesFailedRounds(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		l := x.Locker()
		l.Lock()
		down := errors.New("fake: down")
		for range 20 {
			for _, n := range b.nodes {
				n.Set(func() { n.Fault = func(*driver.Call) error { return down } })
			}
			time.Sleep(x.spec.lifetime() / 2) // longer than until the next renewal
			for _, n := range b.nodes {
				n.Set(func() { n.Fault = nil })
			}
			time.Sleep(x.spec.lifetime() / renewPause)
			require.False(t, x.lease.over())
			time.Sleep(x.spec.lifetime())
		}
		l.Unlock()
	})
}

func TestRenewalEndsWithALostLease(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		l := x.Locker()
		l.Lock()
		b.holders()
		for _, n := range b.nodes {
			n.Restart()
		}
		time.Sleep(time.Minute)
		extensions := b.nodes[0].Ran(scripts.Mutex().Extend)
		time.Sleep(time.Hour)
		require.Equal(t, extensions, b.nodes[0].Ran(scripts.Mutex().Extend))
		require.Panics(t, l.Unlock, "the work was not protected")
		b.lock(x) // the object can be used again
		b.unlock(x)
	})
}

func TestLockerPanics(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		require.Panics(t, b.object(nil).Locker().Unlock, "not held")
		require.Panics(t, b.object(func(c *Config) { c.Expiry = 0 }).Locker().Lock)

		l := b.object(nil).Locker()
		l.Lock()
		b.holders()
		for _, n := range b.nodes {
			n.Set(func() { n.Fault = func(*driver.Call) error { return errors.New("fake: down") } })
		}
		require.NotPanics(t, l.Unlock, "unreachable nodes are no reason")
	})
}

func TestLockerDoesNotPanicForOneForgetfulNodeAmongUnreachableOnes(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		l := b.object(nil).Locker()
		l.Lock()
		b.holders()
		b.nodes[0].Restart()
		for _, n := range b.nodes[1:] {
			n.Set(func() { n.Fault = func(*driver.Call) error { return errors.New("fake: down") } })
		}
		require.NotPanics(t, l.Unlock)
	})
}

func TestLockerWaitsWithoutLimit(t *testing.T) {
	bubble(t, 1, func(b *bench) {
		b.nodes[0].Put("name", "theirs", time.Hour)
		calls := 0
		x := b.object(func(c *Config) {
			c.Tries = 1
			c.GenValue = func() (string, error) {
				if calls++; calls == 1 {
					return "", errors.New("no entropy yet")
				}
				return freshValue(), nil
			}
		})
		start := time.Now()
		x.Locker().Lock()
		require.InDelta(t, time.Hour, time.Since(start), float64(100*ms))
		x.Locker().Unlock()
	})
}
