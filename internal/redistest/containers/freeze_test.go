package main

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFreezeAsksAgainUntilTheServerIsFrozen(t *testing.T) {
	busy := errors.New("API error (500): OCI runtime pause failed: unable to freeze: unknown")
	known := errors.New("API error (409): Container f1440c is already paused")
	gone := errors.New("API error (404): no such container")
	for name, c := range map[string]struct {
		paused  []error // what each pause says
		frozen  int     // the pause that has the server fall silent
		want    error
		resumed int
	}{
		"at once":            {[]error{nil}, 1, nil, 0},
		"in the end":         {[]error{busy, busy, nil}, 3, nil, 0},
		"never":              {[]error{busy, busy, busy, busy, busy}, 0, busy, 0},
		"another failure":    {[]error{busy, gone}, 0, gone, 0},
		"said and not done":  {[]error{nil, busy, nil, nil}, 4, nil, 2},
		"said and never so":  {[]error{nil, nil, nil, nil, nil}, 0, errNotFrozen, freezeTries},
		"paused, it thinks":  {[]error{nil, known, known}, 3, nil, 2},
		"busy to the end":    {[]error{nil, busy, busy, busy, busy}, 0, busy, 1},
		"gone after a while": {[]error{nil, gone}, 0, gone, 1},
	} {
		t.Run(name, func(t *testing.T) {
			asked, resumed := 0, 0
			err := freeze(
				func() error { asked++; return c.paused[asked-1] },
				func() error { resumed++; return nil },
				func() bool { return asked != c.frozen },
			)
			assert.Equal(t, c.want, err)
			assert.Equal(t, len(c.paused), asked)
			assert.Equal(t, c.resumed, resumed)
		})
	}
	asked := 0
	err := freeze(
		func() error { asked++; return nil },
		func() error { return errors.New("API error (500): Container f1440c is not paused") },
		func() bool { return asked < 2 },
	)
	assert.NoError(t, err, "what the engine has resumed by itself needs no resume")
	err = freeze(func() error { return nil }, func() error { return gone }, func() bool { return true })
	assert.Equal(t, gone, err, "a resume that fails is reported")
}
