//go:build unix

package measure

import (
	"syscall"
	"time"
)

// cpuTime is the user and system time that all threads of this process have
// used, without its children.
func cpuTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, err
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
