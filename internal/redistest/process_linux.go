package redistest

import "syscall"

// diesWithParent has the kernel kill a child when the test binary is gone,
// however it went.
//
// Strictly, the child dies with the thread that started it. The Go runtime ends
// a thread only together with a goroutine that was locked to it, and nothing
// here locks one.
func diesWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
