package redistest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Calls is how often the node has run the commands, for clients and in scripts; without any,
// how often it has run all. It needs CanCount.
func (n *Node) Calls(t testing.TB, commands ...string) (calls int) {
	t.Helper()
	for line := range strings.Lines(fmt.Sprint(n.Do(t, "INFO", "commandstats"))) {
		name, stats, isCommand := strings.Cut(line, ":calls=")
		name, _ = strings.CutPrefix(name, "cmdstat_")
		if !isCommand || len(commands) > 0 && !slices.Contains(commands, name) {
			continue
		}
		var one int
		if _, err := fmt.Sscanf(stats, "%d", &one); err != nil {
			t.Fatalf("redistest: commandstats: %v", err)
		}
		calls += one
	}
	return calls
}

// AwaitWaiters waits until so many processes listen for what releases publish on the node, and
// none has run a script for a while: they have all been refused, and wait. It needs CanCount.
func (n *Node) AwaitWaiters(t testing.TB, processes int) {
	t.Helper()
	const tick, enough = 2 * time.Millisecond, 20
	last, quiet := 0, 0
	for end := time.Now().Add(waitersPatience); quiet <= enough; time.Sleep(tick) { // looks, as no signal says that none come
		if time.Now().After(end) {
			t.Fatalf("redistest: no %d processes listen in %s", processes, waitersPatience)
		}
		channels, err := n.TryDo("PUBSUB", "CHANNELS", "holdfast:*")
		list, _ := channels.([]any)
		now := n.Calls(t, "evalsha", "eval")
		if quiet++; err != nil || len(list) < processes || now != last {
			last, quiet = now, 0
		}
	}
}

// waitersPatience is how long AwaitWaiters waits, on a slow machine.
const waitersPatience = 40 * time.Second
