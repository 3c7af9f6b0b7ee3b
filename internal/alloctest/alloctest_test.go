package alloctest_test

import (
	"testing"

	"github.com/holdfast-go/holdfast/internal/alloctest"
)

var kept *[64]byte

func TestLeastLeavesOutWhatGoesOnBeside(t *testing.T) {
	calls := 0
	got := alloctest.Least(100, func() {
		if calls++; calls == 50 {
			for range 10_000 {
				kept = new([64]byte)
			}
		}
		kept = new([64]byte)
	})
	if got != 1 {
		t.Errorf("%v allocations, of one a call", got)
	}
}

func TestLeastSeesWhatEachCallAllocates(t *testing.T) {
	if got := alloctest.Least(100, func() { kept, kept = new([64]byte), new([64]byte) }); got != 2 {
		t.Errorf("%v allocations, of two a call", got)
	}
}
