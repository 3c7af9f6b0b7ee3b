//go:build unix && !linux

package redistest

import "syscall"

// diesWithParent asks for nothing here: the system cannot do it. A test binary
// that is killed leaves its servers running.
func diesWithParent() *syscall.SysProcAttr { return nil }
