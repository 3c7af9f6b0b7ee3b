package main

import (
	"fmt"
	"time"
)

// The jobs' names in events.
const (
	reportJob  = "report"
	cleanupJob = "cleanup"
)

// event is one run of a job, which its replica says in one line.
type event struct {
	Job string
	At  time.Time

	replica int // who said it
}

func (e event) String() string { return fmt.Sprintf("%s %d", e.Job, e.At.UnixNano()) }

// parseEvent reads what String has written.
func parseEvent(line string, replica int) (event, error) {
	e := event{replica: replica}
	var at int64
	if _, err := fmt.Sscanf(line, "%s %d", &e.Job, &at); err != nil {
		return e, fmt.Errorf("replica %d: %q is no event: %w", replica, line, err)
	}
	e.At = time.Unix(0, at)
	return e, nil
}
