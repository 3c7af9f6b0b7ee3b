package redigo_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/internal/faketime"
)

// refusedFor is as the documentation has it.
const refusedFor = 5 * time.Millisecond

// refusedDial is what a dial to a port returns where nothing listens.
var refusedDial error = &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}

// dialer is an application's dial function that counts, and the pool under test
// over it.
type dialer struct {
	pool  driver.Pool
	dials int
	conn  redis.Conn
	err   error
}

func newDialer(t *testing.T) *dialer {
	d := new(dialer)
	d.pool = redigo.NewPool(dialing(t, func() (redis.Conn, error) {
		d.dials++
		return d.conn, d.err
	}))
	return d
}

func (d *dialer) call() (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return d.pool.Eval(ctx, acquire("key", "token"))
}

func TestARefusedDialIsRememberedForAMoment(t *testing.T) {
	for name, refusal := range map[string]error{"as it is": refusedDial, "wrapped": fmt.Errorf("app: %w", refusedDial)} {
		t.Run(name, func(t *testing.T) {
			faketime.Run(t, func(t *testing.T) {
				d := newDialer(t)
				d.err = refusal
				for round := range 3 {
					for range 5 {
						_, err := d.call()
						require.Equal(t, refusal, err)
						time.Sleep(refusedFor / 6) // fake time
					}
					require.Equal(t, round+1, d.dials)
					time.Sleep(refusedFor / 6) // fake time: the moment is over
				}
			})
		})
	}
}

func TestOtherFailedDialsAreNotRemembered(t *testing.T) {
	for _, err := range []error{
		io.EOF,
		&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNRESET},
		&net.OpError{Op: "dial", Net: "tcp", Err: context.DeadlineExceeded},
		redis.Error("LOADING Redis is loading the dataset in memory"),
	} {
		faketime.Run(t, func(t *testing.T) {
			d := newDialer(t)
			d.err = err
			for range 3 {
				_, got := d.call()
				require.ErrorIs(t, got, err)
			}
			require.Equal(t, 3, d.dials)
		})
	}
}

// heldConn answers when it is let go.
type heldConn struct {
	errConn
	held chan struct{}
}

func (c heldConn) Do(name string, _ ...any) (any, error) {
	if name != "" {
		<-c.held
	}
	return int64(1), nil
}

// start makes a call that returns once its connection is let go.
func (d *dialer) start(t *testing.T) {
	go func() {
		reply, err := d.call()
		assert.NoError(t, err)
		assert.Equal(t, int64(1), reply)
	}()
	synctest.Wait()
}

func TestAnIdleConnectionIsUsedAfterARefusedDial(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		d, held := newDialer(t), make(chan struct{})
		d.conn = heldConn{held: held}
		d.start(t)
		d.err = refusedDial
		_, err := d.call()
		require.ErrorIs(t, err, syscall.ECONNREFUSED, "the only connection is in use")
		held <- struct{}{}
		synctest.Wait()
		d.start(t)
		require.Equal(t, 2, d.dials)

		// The server has just given a connection, so the next call asks for one.
		_, err = d.call()
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.Equal(t, 3, d.dials)
		held <- struct{}{}
		synctest.Wait()
	})
}

// The engine reads from this that nothing was sent.
func TestARememberedRefusalIsAFailedDial(t *testing.T) {
	faketime.Run(t, func(t *testing.T) {
		d := newDialer(t)
		d.err = refusedDial
		for range 2 {
			_, err := d.call()
			var op *net.OpError
			require.ErrorAs(t, err, &op)
			require.Equal(t, "dial", op.Op)
			require.False(t, driver.IsReply(err))
		}
		require.Equal(t, 1, d.dials)
	})
}
