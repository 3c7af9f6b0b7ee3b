package outbox

import "slices"

// queues are the requests that wait in a lane, by class and in order. The lane's mutex
// guards them.
type queues [classes][]*Request

func (qs *queues) len() (n int) {
	for _, q := range qs {
		n += len(q)
	}
	return n
}

// first is the request that leaves next, or nil.
func (qs *queues) first() *Request {
	for _, q := range qs {
		if len(q) > 0 {
			return q[0]
		}
	}
	return nil
}

func (qs *queues) add(r *Request) {
	r.waits = true
	qs[r.Class] = append(qs[r.Class], r)
}

// putBack has a request wait before all others of its class.
func (qs *queues) putBack(r *Request) {
	r.waits = true
	qs[r.Class] = slices.Insert(qs[r.Class], 0, r)
}

// remove takes a request out, and reports whether it was there.
func (qs *queues) remove(r *Request) bool {
	if !r.waits {
		return false
	}
	i := slices.Index(qs[r.Class], r)
	qs[r.Class] = slices.Delete(qs[r.Class], i, i+1)
	r.waits = false
	return true
}

// move changes the class of a request, which goes behind the others of it.
func (qs *queues) move(r *Request, to Class) {
	waits := qs.remove(r)
	if r.Class = to; waits {
		qs.add(r)
	}
}

// take takes out the requests that are wanted, in the order in which they leave.
func (qs *queues) take(wanted func(*Request) bool) {
	for i := range qs {
		qs[i] = slices.DeleteFunc(qs[i], func(r *Request) bool {
			r.waits = !wanted(r)
			return !r.waits
		})
	}
}
