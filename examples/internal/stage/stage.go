package stage

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/demoredis"
)

// Stage is what a demonstration runs on.
type Stage struct {
	Nodes  *demoredis.Nodes
	Out    io.Writer
	Stderr io.Writer // for what a failing member of the crew has to say

	started  time.Time // zero when lines have no time
	decimals int       // of the time
}

// TimeLines lets every line of Printf begin with the seconds since now.
func (s *Stage) TimeLines(decimals int) { s.started, s.decimals = time.Now(), decimals }

// Printf prints one line.
func (s *Stage) Printf(format string, args ...any) {
	since := ""
	if !s.started.IsZero() {
		since = fmt.Sprintf("%*.*fs  ", s.decimals+3, s.decimals, time.Since(s.started).Seconds())
	}
	fmt.Fprintf(s.Out, since+format+"\n", args...)
}

// LockName returns a name for the program's lock that nobody else uses, on the
// user's servers either.
func LockName(program string) string {
	return fmt.Sprintf("holdfast-%s:%d:%d", program, os.Getpid(), time.Now().UnixNano())
}
