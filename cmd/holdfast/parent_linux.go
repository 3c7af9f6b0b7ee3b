package main

import "syscall"

// dieWithParent has the kernel kill the command when holdfast is gone, even by SIGKILL. Its
// lease lasts for a while then, and a command that ran on would outlive that.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
