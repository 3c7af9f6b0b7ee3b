//go:build unix

package redistest

import "syscall"

// canSignal reports whether a process can be stopped and resumed.
const canSignal = true

// The signals that stop and resume a process. It cannot catch the first one.
const (
	pauseSignal  = syscall.SIGSTOP
	resumeSignal = syscall.SIGCONT
)
