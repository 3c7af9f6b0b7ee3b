package scenarios

import (
	"errors"
	"time"

	"github.com/holdfast-go/holdfast/bench/internal/contestants"
	"github.com/holdfast-go/holdfast/bench/internal/measure"
)

// operation is one call on a mutex.
type operation struct {
	name string
	run  func(contestants.Mutex) error
}

// operations are in the order in which one hold can do them all.
func operations() []operation {
	return []operation{
		{"Lock", contestants.Mutex.Lock},
		{"Extend", confirmed(contestants.Mutex.Extend)},
		{"Valid", confirmed(contestants.Mutex.Valid)},
		{"Unlock", confirmed(contestants.Mutex.Unlock)},
	}
}

// confirmed asks for true only: redsync reports the nodes that failed beside a
// success.
func confirmed(method func(contestants.Mutex) (bool, error)) func(contestants.Mutex) error {
	return func(m contestants.Mutex) error {
		ok, err := method(m)
		if ok {
			return nil
		}
		return errors.Join(errRefused, err)
	}
}

var errRefused = errors.New("refused")

// call is one measured call.
type call struct {
	round int
	took  time.Duration
	hung  bool  // it took longer than it was given; took is that limit
	err   error // it said no, after took
}

// timed runs op on m for at most patience.
func timed(op operation, m contestants.Mutex, patience time.Duration) call {
	var err error
	took, ok := measure.Within(patience, func() { err = op.run(m) })
	if !ok {
		return call{took: took, hung: true} // err is still op's
	}
	return call{took: took, err: err}
}
