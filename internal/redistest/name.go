package redistest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Name returns a lock name that no other call returns, in this process or in
// another one: parallel packages may share servers. It holds the test's name,
// for people who look at a server, and no braces.
func Name(t testing.TB) string {
	plain := strings.NewReplacer("{", "", "}", "").Replace(t.Name())
	return fmt.Sprintf("holdfast-test:%s:%016x", plain, rand.Uint64())
}
