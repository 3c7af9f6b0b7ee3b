//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package main

import "os"

// sizeOf knows no size.
func sizeOf(*os.File) size { return size{} }
