package drivertest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// far has servers at the distance of another process, room, country and continent.
func (s suite) far(t *testing.T) {
	for _, trip := range []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond} {
		t.Run(trip.String(), func(t *testing.T) {
			node := redistest.StartOne(t, redistest.WithProxy())
			node.Proxy().Far(redistest.Link{RoundTrip: trip, Bandwidth: 10_000_000})
			pool, key := s.batcher(t, node.Addr(), Options{}), redistest.Name(t)
			reply, err := pool.(driver.Pool).Eval(within(t, patience), acquire(key, "token"))
			require.NoError(t, err)
			require.EqualValues(t, 1, reply)
			s.farBatch(t, node, pool, key)
		})
	}
}

// farBatch has many calls share a round trip: they are one request, or as many as their
// bytes take.
func (s suite) farBatch(t *testing.T, node *redistest.Node, pool driver.Batcher, key string) {
	calls := []*driver.Call{check(key, "token")}
	for range 100 {
		calls = append(calls, check(key, "token"), check(key, "other"))
	}
	batchInTime(t, pool, within(t, patience), calls[0]) // the script is there then
	before := node.Proxy().Requests()
	replies := batchInTime(t, pool, within(t, patience), calls...)
	require.Less(t, node.Proxy().Requests()-before, int64(len(calls)/4))
	for i, reply := range replies {
		want := int64(1)
		if i > 0 && i%2 == 0 { // the other token
			want = 0
		}
		require.Equal(t, driver.Reply{Value: want}, reply)
	}
}
