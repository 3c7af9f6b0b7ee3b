package rueidis_test

import (
	"net"
	"sync"
	"testing"
	"time"

	client "github.com/redis/rueidis"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/drivertest"
	"github.com/holdfast-go/holdfast/driver/rueidis"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

func TestMain(m *testing.M) { redistest.MainWithExamples(m) }

func TestConformance(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, opener(client.ClientOption{}))
}

func TestConformanceRESP2(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, opener(client.ClientOption{AlwaysRESP2: true}), drivertest.Excuse{
		Case:   "Conns",
		Reason: "calls take connections of the client's in turn",
	})
}

func TestSubscriber(t *testing.T) {
	t.Parallel()
	drivertest.RunSubscriber(t, opener(client.ClientOption{}), rueidis.SetPingInterval, drivertest.Excuse{
		Case:   "ConfirmedAgain",
		Reason: "the client panics, in a goroutine of its own, at a push that it has not asked for",
	})
}

// opener opens clients of one server. One that cannot connect is made all the same.
func opener(with client.ClientOption) drivertest.Open {
	return func(t testing.TB, addr string, opts drivertest.Options) (driver.Pool, func()) {
		with := with
		with.InitAddress = []string{addr}
		with.Password = opts.Password
		with.ConnWriteTimeout = opts.ReadTimeout
		with.ForceSingleClient = true
		with.Dialer = net.Dialer{KeepAlive: time.Hour} // how often idle connections are pinged
		with.DisableCache = true
		c, err := client.NewClient(with)
		require.NotNil(t, c, "%v", err)
		closeOnce := sync.OnceFunc(c.Close)
		t.Cleanup(closeOnce)
		return rueidis.NewPool(c), closeOnce
	}
}
