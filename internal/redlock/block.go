package redlock

// A lease that may pass between the goroutines of a process has a block of numbers, one
// for each. What the nodes count from is the largest of them: that they agree on, that is
// written back, and that a repair brings.
//
// Numbers that are not used are lost, and counters must not outrun the clock from which
// one that was lost begins. So a block is at most a little more than twice as large as what
// the object has used of the last one, and no larger than half as many as a tenure has µs.
type block struct {
	size int64 // how many numbers were asked for
	last int64 // the largest; 0 where there are none
	used int64 // the present holder's
}

// count is how many numbers were used.
func (b *block) count() int64 { return b.used - (b.last - b.size) }

// begin takes the block that was granted, and its first number.
func (b *block) begin(last int64) { b.last, b.used = last, last-b.size+1 }

// next gives the next number to the next holder. It reports false if none is left.
func (b *block) next() bool {
	if b.used == b.last { // also without numbers
		return b.last == 0
	}
	b.used++
	return true
}
