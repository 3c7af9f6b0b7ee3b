package report

import (
	"fmt"
	"math"
	"time"
)

// none is printed for a figure that there is none of: NaN.
const none = "–"

// Ratio prints a ratio with as many digits as it deserves.
func Ratio(r float64) string {
	switch {
	case math.IsNaN(r):
		return none
	case r < 10:
		return fmt.Sprintf("%.2f", r)
	case r < 100:
		return fmt.Sprintf("%.1f", r)
	}
	return fmt.Sprintf("%.0f", r)
}

// Micros prints nanoseconds as microseconds.
func Micros(nanoseconds float64) string {
	if math.IsNaN(nanoseconds) {
		return none
	}
	return fmt.Sprintf("%.1f µs", nanoseconds/1e3)
}

// Millis prints nanoseconds as milliseconds.
func Millis(nanoseconds float64) string {
	if math.IsNaN(nanoseconds) {
		return none
	}
	if millis := nanoseconds / 1e6; millis < 100 {
		return fmt.Sprintf("%.2f ms", millis)
	}
	return fmt.Sprintf("%d ms", time.Duration(nanoseconds).Milliseconds())
}

// Count prints an average number of things, as a whole number where it nearly
// is one.
func Count(n float64) string {
	if math.IsNaN(n) {
		return none
	}
	if math.Abs(n-math.Round(n)) < 0.05 {
		return fmt.Sprintf("%d", int64(math.Round(n)))
	}
	return fmt.Sprintf("%.1f", n)
}
