package drivertest

import (
	"testing"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

// Main is the TestMain of a driver's tests. It runs them, prints to standard error which
// servers they used, fails when they leave a goroutine behind, and exits.
func Main(m *testing.M) { redistest.Main(m) }
