package redlock

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
)

var (
	errRefusedPort = &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	errLoading     = &driver.ReplyError{Err: errors.New("LOADING")}
)

// outages are what may befall all nodes, and what each one is then said to have met.
var outages = map[string]struct {
	strike func(b *bench)
	met    string
}{
	"killed":  {func(b *bench) { b.failing(nil, errRefusedPort, 0, 1, 2) }, "connection refused"},
	"loading": {func(b *bench) { b.failing(nil, errLoading, 0, 1, 2) }, "LOADING"},
	"hung": {func(b *bench) {
		for _, n := range b.nodes {
			n.SetHung(true)
		}
	}, errNoAnswer.Error()},
}

// well ends an outage.
func (b *bench) well() {
	for _, n := range b.nodes {
		n.Set(func() { n.Fault = nil })
		if n.Hanging() != nil {
			n.SetHung(false)
		}
	}
}

// eachOutage runs a test of three nodes for each outage.
func eachOutage(t *testing.T, test func(b *bench, strike func(), says func(error))) {
	for name, outage := range outages {
		t.Run(name, func(t *testing.T) {
			bubble(t, 3, func(b *bench) {
				test(b, func() { outage.strike(b) }, func(err error) { requireReasons(t, err, outage.met) })
			})
		})
	}
}

// requireReasons checks that an error says of every node what it has met.
func requireReasons(t *testing.T, err error, met string) {
	t.Helper()
	var redis *RedisError
	require.ErrorAs(t, err, &redis)
	require.ErrorContains(t, err, "already expired")
	for _, node := range []string{"node #0: ", "node #1: ", "node #2: "} {
		require.ErrorContains(t, err, node+prefix(met))
	}
	require.ErrorContains(t, err, "the last extension met ")
	require.ErrorContains(t, err, met)
}

// prefix is how a fault's text begins.
func prefix(met string) string {
	if met == "connection refused" {
		return "dial: " + met
	}
	return met
}

func TestLossSaysWhatRenewalsHaveMet(t *testing.T) {
	for _, kind := range []string{"exclusive", "writer", "reader", "slots"} {
		t.Run(kind, func(t *testing.T) {
			eachOutage(t, func(b *bench, strike func(), says func(error)) {
				err := b.doers()[kind](background, func(ctx context.Context) error {
					strike()
					<-ctx.Done()
					says(context.Cause(ctx))
					b.well()
					return errWork
				})
				require.ErrorIs(b, err, ErrLost)
				require.ErrorIs(b, err, errWork)
				says(err)
			})
		})
	}
}

// A call may last longer than what is left of the validity: then no node has answered yet.
func TestLossSaysThatARenewalIsUnderWay(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(func(c *Config) { c.TimeoutFactor = 2 })
		err := x.Do(background, func(ctx context.Context) error {
			outages["hung"].strike(b)
			<-ctx.Done()
			b.well()
			return nil
		})
		require.ErrorIs(b, err, ErrLost)
		requireReasons(b.T, err, errNoAnswer.Error())
	})
}

// After a renewal that was won, what the one before it has met is no reason any more.
func TestReasonsAreThoseOfTheLastRenewals(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		err := b.object(nil).Do(background, func(ctx context.Context) error {
			b.failing(nil, errLoading, 0, 1, 2)
			time.Sleep(DefaultExpiry / 2)
			b.well()
			time.Sleep(DefaultExpiry)
			require.NoError(b, ctx.Err())
			b.failing(nil, errRefusedPort, 0, 1)
			<-ctx.Done()
			b.well()
			return nil
		})
		require.ErrorIs(b, err, ErrLost)
		require.ErrorContains(b, err, "connection refused")
		require.NotContains(b, err.Error(), "LOADING")
		require.NotContains(b, err.Error(), "node #2", "it has said yes")
	})
}

func TestLeaseThatWasNotExtendedHasNoReasons(t *testing.T) {
	bubble(t, 3, func(b *bench) {
		x := b.object(nil)
		b.lock(x)
		lost := x.Lost()
		<-lost
		require.EqualError(b, x.current().lossOf(), `test: "name": lock lost: lock already expired`)
		_, _ = x.Unlock(background)
	})
}

// What the owner of a lost lease learns from Unlock, Extend and Valid.
func TestOwnerOfALostLeaseLearnsWhy(t *testing.T) {
	for _, change := range []func(*Config){
		func(c *Config) { c.AutoExtend = true },
		func(c *Config) { c.AutoExtend, c.Expiry = true, time.Second },
	} {
		eachOutage(t, func(b *bench, strike func(), says func(error)) {
			x := b.object(change)
			b.lock(x)
			strike()
			<-x.Lost()
			_, err := x.Extend(background)
			says(err)
			_, err = x.Valid(background)
			says(err)
			_, err = x.Unlock(background)
			require.ErrorIs(b, err, ErrLockAlreadyExpired)
			says(err)
			b.well()
		})
	}
}

func TestLockersPanicSaysWhy(t *testing.T) {
	eachOutage(t, func(b *bench, strike func(), says func(error)) {
		l := b.object(nil).Locker()
		l.Lock()
		strike()
		time.Sleep(2 * DefaultExpiry)
		says(panicOf(l.Unlock))
		b.well()
	})
}

func panicOf(call func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	call()
	return nil
}

// A reader that is not the last one to go learns of the loss by the clocks alone.
func TestReadersOfALostLeaseLearnWhy(t *testing.T) {
	eachOutage(t, func(b *bench, strike func(), says func(error)) {
		x := b.rw(func(c *Config) { c.AutoExtend = true }).Reader
		b.in(x)
		b.in(x)
		synctest.Wait()
		strike()
		<-x.Lost()
		for range 2 {
			_, err := x.Unlock(background)
			require.ErrorIs(b, err, ErrLockAlreadyExpired)
			says(err)
		}
		b.well()
	})
}
