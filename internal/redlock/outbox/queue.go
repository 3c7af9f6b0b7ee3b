package outbox

// queue is what waits of one class, in order. Its links lie in the requests, so that a
// call that leaves at once costs no memory. The lane's mutex guards it.
type queue struct {
	first, last *Request
	len         int
}

func (q *queue) pushBack(r *Request) {
	r.waits, r.before, r.after = true, q.last, nil
	if q.last == nil {
		q.first = r
	} else {
		q.last.after = r
	}
	q.last = r
	q.len++
}

func (q *queue) pushFront(r *Request) {
	r.waits, r.before, r.after = true, nil, q.first
	if q.first == nil {
		q.last = r
	} else {
		q.first.before = r
	}
	q.first = r
	q.len++
}

func (q *queue) remove(r *Request) {
	if r.before == nil {
		q.first = r.after
	} else {
		r.before.after = r.after
	}
	if r.after == nil {
		q.last = r.before
	} else {
		r.after.before = r.before
	}
	r.waits, r.before, r.after = false, nil, nil
	q.len--
}
