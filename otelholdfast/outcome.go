package otelholdfast

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.39.0"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/driver"
)

// Outcomes, which are explained in the package's documentation.
const (
	acquired      = "acquired"
	passed        = "passed"
	granted       = "granted"
	released      = "released"
	won           = "won"
	lost          = "lost"
	expired       = "expired"
	taken         = "taken"
	timeout       = "timeout"
	canceled      = "canceled"
	misconfigured = "misconfigured"
	failed        = "failed"
)

func acquireOutcome(a holdfast.Acquired) []attribute.KeyValue {
	switch {
	case a.Err != nil:
		return failure(a.Err)
	case a.Passed:
		return success(passed)
	case a.Granted:
		return success(granted)
	}
	return success(acquired)
}

func releaseOutcome(r holdfast.Released) []attribute.KeyValue {
	switch {
	case r.Err != nil:
		return failure(r.Err)
	case r.Passed:
		return success(passed)
	}
	return success(released)
}

func extendOutcome(err error) []attribute.KeyValue {
	if err != nil {
		return failure(err)
	}
	return success(won)
}

func success(outcome string) []attribute.KeyValue {
	return []attribute.KeyValue{outcomeKey.String(outcome)}
}

func failure(err error) []attribute.KeyValue {
	outcome := failureOf(err)
	return []attribute.KeyValue{outcomeKey.String(outcome), semconv.ErrorTypeKey.String(outcome)}
}

// failureOf says why a call has failed. What the caller did counts before what nodes said:
// a call whose deadline has passed also has the errors of its last try.
func failureOf(err error) string {
	var held *holdfast.ErrTaken
	switch {
	case errors.Is(err, holdfast.ErrConfig):
		return misconfigured
	case isLoss(err):
		return lost
	case errors.Is(err, context.Canceled):
		return canceled
	case errors.Is(err, context.DeadlineExceeded):
		return timeout
	case errors.Is(err, holdfast.ErrLockAlreadyExpired):
		return expired
	case errors.As(err, &held):
		return taken
	}
	return failed
}

// nodeFailure is the type of a node's error.
func nodeFailure(err error) attribute.KeyValue {
	var timed interface{ Timeout() bool }
	switch {
	case errors.As(err, &timed) && timed.Timeout():
		return semconv.ErrorTypeKey.String(timeout)
	case driver.IsReply(err):
		return semconv.ErrorTypeKey.String("reply")
	}
	return semconv.ErrorTypeKey.String("connection")
}

// isLoss reports an error of a lock that was lost.
func isLoss(err error) bool { return errors.Is(err, holdfast.ErrLost) }
