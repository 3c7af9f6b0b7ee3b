package main

import (
	"os"
	"testing"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

// asCommand has the test binary be holdfast.
const asCommand = "HOLDFAST_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	redistest.Main(m)
}
