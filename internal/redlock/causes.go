package redlock

import "github.com/holdfast-go/holdfast/internal/redlock/quorum"

// denied reports that so many nodes have nothing of ours that a majority cannot have it,
// however the others would answer.
func denied(r *quorum.Round) bool {
	nodes, without := 0, 0
	for _, v := range r.Voters() {
		nodes++
		if v.Vote == quorum.Taken || v.Vote == quorum.Missing || v.Err == errNeverGranted {
			without++
		}
	}
	return without > nodes-r.Majority()
}

// causesOf says, node by node, what stood in the way of a majority.
func causesOf(r *quorum.Round) []error {
	var taken []int
	var rest []error
	held, nodes := 0, 0 // held, of taken: by more than one who waits
	o := r.Outcome()
	for i, v := range r.Voters() {
		nodes++
		if v.Vote == quorum.Taken {
			taken = append(taken, i)
			if !v.Contested {
				held++
			}
		} else if cause := causeAt(r, &o, i, v); cause != nil {
			rest = append(rest, cause)
		}
	}
	spare := nodes - r.Majority()
	switch {
	case len(taken) > spare && held <= spare:
		return append([]error{contested(taken)}, rest...)
	case len(taken)+len(rest) == 0:
		return []error{errNoMajority}
	}
	return append(takenBy(taken, spare), rest...)
}

// causeAt is what stood in the way at node i, where no other client was; nil if nothing.
func causeAt(r *quorum.Round, o *quorum.Outcome, i int, v *quorum.Voter) error {
	switch {
	case v.Vote == quorum.Missing:
		return nodeExpired(i)
	case v.Err != nil:
		return nodeError(r.Node(i), v.Err)
	case !o.Won && !v.Background && r.Differs(&v.Answer):
		return nodeError(r.Node(i), errDisagrees)
	case o.Left && (v.Background || v.Joined), !o.Won && v.Spare && v.Background:
		return nodeError(r.Node(i), errNoAnswer)
	}
	return nil
}

// takenBy names the nodes where another client holds the lock, in Redsync's
// terms: as one error when they alone make a majority impossible, as more than can be
// spared, else node by node. It says the same whether or not other nodes have answered.
func takenBy(nodes []int, spare int) []error {
	if len(nodes) > spare {
		return []error{&ErrTaken{Nodes: nodes}}
	}
	var errs []error
	for _, i := range nodes {
		errs = append(errs, &ErrNodeTaken{Node: i})
	}
	return errs
}

// nodeError is an error of one node for the caller.
func nodeError(n *quorum.Node, err error) *RedisError {
	return &RedisError{Node: n.Index, Addr: n.Addr, Err: err}
}

// reason is why an answer of node i is no yes; nil if it is one.
func reason(i int, a quorum.Answer) error {
	switch {
	case a.Vote == quorum.Taken:
		return &ErrNodeTaken{Node: i}
	case a.Vote == quorum.Missing:
		return nodeExpired(i)
	case a.Err != nil:
		return &RedisError{Node: i, Err: a.Err}
	}
	return nil
}
