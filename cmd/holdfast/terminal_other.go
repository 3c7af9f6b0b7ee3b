//go:build unix && !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package main

import "os"

// foreground takes every device for a terminal.
func foreground(file *os.File) bool {
	if file == nil {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
