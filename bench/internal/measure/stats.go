package measure

import (
	"math"
	"slices"
)

// Medians is the median of each cost over a runner's blocks.
func Medians(costs []Cost) Cost {
	return Cost{
		Wall:   medianOf(costs, func(c Cost) float64 { return c.Wall }),
		CPU:    medianOf(costs, func(c Cost) float64 { return c.CPU }),
		Allocs: medianOf(costs, func(c Cost) float64 { return c.Allocs }),
		Server: medianOf(costs, func(c Cost) float64 { return c.Server }),
	}
}

// Quotients is the median, over the rounds, of what a's block cost by what b's
// block of the same round cost. The two lie within a fraction of a second, so
// that a change of the machine's mood between rounds does not count, which it
// does in a quotient of two medians.
func Quotients(a, b []Cost) Cost {
	quotients := make([]Cost, min(len(a), len(b)))
	for i := range quotients {
		quotients[i] = Cost{
			Wall:   a[i].Wall / b[i].Wall,
			CPU:    a[i].CPU / b[i].CPU,
			Allocs: a[i].Allocs / b[i].Allocs,
			Server: a[i].Server / b[i].Server,
		}
	}
	return Medians(quotients)
}

func medianOf(costs []Cost, field func(Cost) float64) float64 {
	values := make([]float64, len(costs))
	for i, cost := range costs {
		values[i] = field(cost)
	}
	return Quantile(values, 0.5)
}

// Quantile is the q-th quantile of values (0.5 for the median), between the two
// nearest ones where none lies exactly there. It is NaN without values, and
// leaves values as they were.
func Quantile[T ~int64 | ~float64](values []T, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	place := q * float64(len(sorted)-1)
	low := int(place)
	high := min(low+1, len(sorted)-1)
	share := place - float64(low)
	return float64(sorted[low])*(1-share) + float64(sorted[high])*share
}
