package outbox

import "iter"

// queues are the requests that wait in a lane. The lane's mutex guards them.
type queues struct {
	of  [classes]queue
	len int
}

func (qs *queues) pushBack(r *Request)  { qs.insert(r, nil) }
func (qs *queues) pushFront(r *Request) { qs.insert(r, qs.of[r.Class].first) }

func (qs *queues) insert(r, after *Request) {
	qs.of[r.Class].insert(r, after)
	r.waits = true
	qs.len++
}

// remove takes a request out, and reports whether it was there.
func (qs *queues) remove(r *Request) bool {
	if !r.waits {
		return false
	}
	qs.of[r.Class].remove(r)
	r.waits = false
	qs.len--
	return true
}

// move changes the class of a request that waits.
func (qs *queues) move(r *Request, to Class) {
	qs.remove(r)
	r.Class = to
	qs.pushBack(r)
}

// all are the requests in the order in which they leave. Each may be removed meanwhile.
func (qs *queues) all() iter.Seq[*Request] {
	return func(yield func(*Request) bool) {
		for i := range qs.of {
			for r := qs.of[i].first; r != nil; {
				after := r.after
				if !yield(r) {
					return
				}
				r = after
			}
		}
	}
}

// first is the request that leaves next, or nil.
func (qs *queues) first() *Request {
	for i := range qs.of {
		if r := qs.of[i].first; r != nil {
			return r
		}
	}
	return nil
}

// drain takes all requests out.
func (qs *queues) drain() (all []*Request) {
	for r := range qs.all() {
		qs.remove(r)
		all = append(all, r)
	}
	return all
}

// queue is a list of requests. Its links lie in these, so that a call that leaves at once
// costs no memory.
type queue struct {
	first, last *Request
	len         int
}

// insert puts r before another request, or at the end.
func (q *queue) insert(r, after *Request) {
	r.before, r.after = *q.linkBefore(after), after
	*q.linkAfter(r.before), *q.linkBefore(after) = r, r
	q.len++
}

func (q *queue) remove(r *Request) {
	*q.linkAfter(r.before), *q.linkBefore(r.after) = r.after, r.before
	r.before, r.after = nil, nil
	q.len--
}

// linkAfter is where it stands which request follows r, or is the first.
func (q *queue) linkAfter(r *Request) **Request {
	if r == nil {
		return &q.first
	}
	return &r.after
}

// linkBefore is where it stands which request r follows, or is the last.
func (q *queue) linkBefore(r *Request) **Request {
	if r == nil {
		return &q.last
	}
	return &r.before
}
