package nodes

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel kill the server when this program dies in
// whatever way, so that an interrupted benchmark leaves no server behind, not
// even a stopped one.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
