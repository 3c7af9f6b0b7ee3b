package interop

import (
	"testing"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

func TestMain(m *testing.M) {
	contestants.Silence() // nodes are killed on purpose
	redistest.Main(m)
}
