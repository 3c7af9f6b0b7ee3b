package redistest

import (
	"testing"
	"time"
)

// GrantExpiry is the expiry of the locks of RequireGrants: longer ones are not granted by a
// release. Waiters look by themselves FirstLook after their last try, a tenth of it.
const GrantExpiry, FirstLook = 8 * time.Second, 800 * time.Millisecond

// RequireGrants runs a release that lets waiters in which began to wait at the time given, or
// later. They must ask the node nothing. It reports false where that cannot be seen, as they may
// have looked by themselves meanwhile. It needs CanCount.
func (n *Node) RequireGrants(t testing.TB, began time.Time, release func() (bool, error), got ...<-chan error) (seen bool) {
	t.Helper()
	before := n.Calls(t, "evalsha", "eval")
	if ok, err := release(); !ok || err != nil {
		t.Fatalf("redistest: the release: %v, %v", ok, err)
	}
	for _, got := range got {
		if err := <-got; err != nil {
			t.Fatalf("redistest: a waiter: %v", err)
		}
	}
	asked := n.Calls(t, "evalsha", "eval") - before
	if time.Since(began) >= FirstLook {
		return false
	}
	if asked != 1 {
		t.Fatalf("redistest: %d requests, and not the release alone", asked)
	}
	return true
}

// UntilSeen repeats a scenario of RequireGrants until it was seen, on a slow machine.
func UntilSeen(t testing.TB, scenario func() (seen bool)) {
	t.Helper()
	for range 50 {
		if scenario() {
			return
		}
	}
	t.Fatalf("redistest: each time it took longer than %s", FirstLook)
}
