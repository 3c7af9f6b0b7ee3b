package redistest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFreezeAsksAgainWhenTheEngineCouldNot(t *testing.T) {
	busy := errors.New("API error (500): OCI runtime pause failed: unable to freeze: unknown")
	gone := errors.New("API error (404): no such container")
	for name, c := range map[string]struct {
		answers []error
		want    error
		asked   int
	}{
		"at once":         {[]error{nil}, nil, 1},
		"in the end":      {[]error{busy, busy, nil}, nil, 3},
		"never":           {[]error{busy, busy, busy, busy, busy, nil}, busy, freezeTries},
		"another failure": {[]error{busy, gone, nil}, gone, 2},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			err := freeze(func() error {
				asked++
				return c.answers[asked-1]
			})
			assert.Equal(t, c.want, err)
			assert.Equal(t, c.asked, asked)
		})
	}
}
