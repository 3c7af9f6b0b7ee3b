package contend

import (
	"errors"
	"time"
)

// Counter counts the requests that a server has had.
type Counter func() (int64, error)

// counted runs a load beside a counter, which is read when the window opens and
// when it closes.
func counted(load Load, count Counter, run func() error) (requests int64, err error) {
	done := make(chan error, 1)
	start := time.Now()
	go func() { done <- run() }()
	before, errBefore := countAt(start.Add(load.Warmup), count)
	after, errAfter := countAt(start.Add(load.Warmup+load.Window), count)
	return after - before, errors.Join(<-done, errBefore, errAfter)
}

func countAt(when time.Time, count Counter) (int64, error) {
	time.Sleep(time.Until(when))
	return count()
}

// Measured is one load of one process or of several.
type Measured struct {
	Parties  []Result // by process
	Requests int64    // of the server in the window
	Window   time.Duration

	// Failure is how a process failed, for a table: "stuck", or "died: " and why.
	// There is nothing else then. It is "" if all went well.
	Failure string
}

// Sections is how many there were in the window.
func (m Measured) Sections() (n int) {
	for _, r := range m.Parties {
		n += r.Total()
	}
	return n
}

// Reads is how many of them read.
func (m Measured) Reads() (n int) {
	for _, r := range m.Parties {
		n += r.Reads
	}
	return n
}

// Writes is how many did not.
func (m Measured) Writes() int { return m.Sections() - m.Reads() }

// Waits are those of all processes.
func (m Measured) Waits() (waits []int64) {
	for _, r := range m.Parties {
		waits = append(waits, r.Waits...)
	}
	return waits
}

// Stuck is how many waits were given up.
func (m Measured) Stuck() (n int) {
	for _, r := range m.Parties {
		n += r.Stuck
	}
	return n
}

// Here runs a load in this process.
func Here(lock Locker, load Load, count Counter) (Measured, error) {
	var result Result
	requests, err := counted(load, count, func() (err error) {
		result, err = Run(lock, load)
		return err
	})
	return Measured{Parties: []Result{result}, Requests: requests, Window: load.Window}, err
}
