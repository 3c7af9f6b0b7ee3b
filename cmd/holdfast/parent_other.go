//go:build unix && !linux

package main

import "syscall"

// dieWithParent does nothing: only Linux ends a process with its parent.
func dieWithParent(*syscall.SysProcAttr) {}
