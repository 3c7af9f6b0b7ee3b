package redistest

import "testing"

// Ability is something that not every backend can do.
type Ability int

const (
	// CanPause is Node.Pause and Node.Resume.
	CanPause Ability = iota
	// CanKill is Node.Kill.
	CanKill
	// CanRestartEmpty is Node.Restart.
	CanRestartEmpty
	// CanFlush is Node.Flush.
	CanFlush
	// CanConfig is WithConfig.
	CanConfig
	// CanDisconnect is Node.Disconnect and Node.Reconnect.
	CanDisconnect
	// CanAddress is WithOwnAddress.
	CanAddress
	// CanKillClients is the command CLIENT KILL.
	CanKillClients
	// CanReplicate is that a node reaches another one at its DirectAddr.
	CanReplicate
	// CanCount is the command INFO commandstats.
	CanCount
)

var abilityNames = map[Ability]string{
	CanPause:        "pause a node",
	CanKill:         "kill a node",
	CanRestartEmpty: "restart a node",
	CanFlush:        "flush a node",
	CanConfig:       "configure a node",
	CanDisconnect:   "disconnect a node",
	CanAddress:      "give a node an address of its own",
	CanKillClients:  "kill a node's clients",
	CanReplicate:    "have a node reach another",
	CanCount:        "count a node's commands",
}

// String is what the ability lets a test do, as in "pause a node".
func (a Ability) String() string { return abilityNames[a] }

// Has reports whether the backend has an ability.
func Has(ability Ability) bool {
	chosen, err := choose()
	return err == nil && chosen.lacks(ability) == ""
}

// Needs skips the test, with the reason, when the backend does not have all of
// the abilities. Call it first in a test that takes long to get to its fault.
func Needs(t testing.TB, abilities ...Ability) {
	t.Helper()
	needs(t, mustChoose(t), abilities...)
}

// needs is Needs for a backend that is known.
func needs(t testing.TB, from backend, abilities ...Ability) {
	t.Helper()
	for _, ability := range abilities {
		if reason := from.lacks(ability); reason != "" { // CI's processes and containers together have every one
			t.Skipf("redistest: backend %s cannot %s: %s", from.name(), ability, reason)
		}
	}
}

// mustChoose is choose for a test, which fails when there is no backend.
func mustChoose(t testing.TB) backend {
	t.Helper()
	chosen, err := choose()
	if err != nil {
		t.Fatal(err)
	}
	return chosen
}
