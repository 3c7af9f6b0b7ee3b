// Package stagetest is what the tests of the examples have in common: it runs a
// program in the test's process and collects what it prints. Only tests import it.
package stagetest

import (
	"testing"

	"github.com/holdfast-go/holdfast/examples/internal/stage"
	"github.com/holdfast-go/holdfast/internal/leaktest"
)

// Main is the TestMain of a program. It makes the test binary a member of the
// crew when the demonstration starts it as one: the demonstration starts whatever
// program it is part of. Otherwise it runs the tests, fails when they leave a
// goroutine behind, and exits.
func Main[J stage.Job, D stage.Demo](m *testing.M, p stage.Program[J, D]) {
	p.PerformMember()
	leaktest.Main(m)
}
