//go:build !unix

package redistest

import (
	"os"
	"syscall"
)

// canSignal reports whether a process can be stopped and resumed. Here it
// cannot, so the process backend is not offered.
const canSignal = false

// Stand-ins for the signals that this system does not have. Nothing sends them.
var (
	pauseSignal  os.Signal = os.Kill
	resumeSignal os.Signal = os.Kill
)

func diesWithParent() *syscall.SysProcAttr { return nil }
