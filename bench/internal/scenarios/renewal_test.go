package scenarios

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
	"github.com/holdfast-go/holdfast/bench/internal/nodes"
	"github.com/holdfast-go/holdfast/bench/internal/report"
)

func TestRenewalMeasuresEverything(t *testing.T) {
	section, err := Renewal(Scale{Renewals: Renewals{
		Holds: 20, Window: time.Millisecond, Expiries: []time.Duration{1600 * time.Millisecond, 800 * time.Millisecond},
	}})
	require.NoError(t, err)
	table := section.Tables[0].Table
	require.Len(t, table.Rows, 2*3, "one node and three, two expiries, and another client")
	require.Len(t, section.Verdicts, len(table.Rows))
	for _, row := range table.Rows {
		require.Len(t, row, len(table.Columns))
	}
	require.Equal(t, "2s", table.Rows[0][1], "longer than the expiry")
	require.Equal(t, "1s", table.Rows[1][1], "longer than the expiry")
}

func TestRenewalIsWatchedForLongerThanAnExpiry(t *testing.T) {
	c := renewalCase{expiry: 8 * time.Second}
	require.Equal(t, time.Minute, Renewals{Window: time.Minute}.window(c))
	require.Equal(t, 10*time.Second, Renewals{Window: 9 * time.Second}.window(c))
}

func TestRenewalBars(t *testing.T) {
	met := kept{goroutines: maxRenewers, holdBytes: maxHoldBytes}
	require.True(t, met.verdict().Met)
	for _, broken := range []kept{
		{goroutines: maxRenewers + 1}, {holdBytes: maxHoldBytes + 1}, {lost: 1},
	} {
		require.False(t, broken.verdict().Met)
	}
}

// Leases that the node has forgotten are counted as lost, also where nobody was notified.
func TestLostHoldsAreCounted(t *testing.T) {
	started, err := nodes.Start(1)
	require.NoError(t, err)
	defer nodes.StopAll(started)
	locks, closeClients := contestants.Mutexes(contestants.GoRedis, nodes.Addrs(started))
	defer func() { require.NoError(t, closeClients()) }()

	all := newHolds(locks, "x", 10, time.Hour)
	require.NoError(t, all.lock())
	for _, i := range []int{2, 7} {
		_, err := started[0].Do("DEL", all[i].Name())
		require.NoError(t, err)
	}
	require.Equal(t, 2, all.unlock())
}

func TestShareShortensTheWindowOfRenewals(t *testing.T) {
	require.Equal(t, 15*time.Second, Full().Share(0.25).Renewals.Window)
}

func TestDoMeasuresEverything(t *testing.T) {
	section, err := Do(tiny)
	require.NoError(t, err)
	require.Len(t, section.Verdicts, 2, "two clients, on one node")
	table := section.Tables[0].Table
	require.Len(t, table.Rows, 4)
	for _, row := range table.Rows {
		require.Len(t, row, len(table.Columns))
		require.NotContains(t, row, "–", "no figure is missing")
	}
}

func TestDoBars(t *testing.T) {
	verdict := func(cpu, wall float64) report.Verdict {
		return doVerdict(contestants.GoRedis, measure.Cost{CPU: cpu, Wall: wall})
	}
	require.True(t, verdict(maxDo, maxDo).Met)
	require.False(t, verdict(maxDo+0.01, maxDo).Met)
	require.False(t, verdict(maxDo, maxDo+0.01).Met)
}
