package renewer

// order is a heap of deadlines.
type order []*Deadline

// Len implements [heap.Interface].
func (o order) Len() int { return len(o) }

// Less implements [heap.Interface].
func (o order) Less(i, j int) bool { return o[i].due.Before(o[j].due) }

// Swap implements [heap.Interface].
func (o order) Swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].at, o[j].at = i+1, j+1
}

// Push implements [heap.Interface].
func (o *order) Push(d any) {
	*o = append(*o, d.(*Deadline))
	d.(*Deadline).at = len(*o)
}

// Pop implements [heap.Interface].
func (o *order) Pop() any {
	last := len(*o) - 1
	d := (*o)[last]
	d.at = 0
	(*o)[last] = nil
	*o = (*o)[:last]
	return d
}
