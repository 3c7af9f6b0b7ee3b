package holdfast_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast"
)

// wrapped is err as calls return it: one of several causes.
func wrapped(err error) error {
	return fmt.Errorf("mutex: %w: %w", holdfast.ErrFailed, errors.Join(io.EOF, err))
}

func TestErrTaken(t *testing.T) {
	err := wrapped(&holdfast.ErrTaken{Nodes: []int{0, 2}})
	require.ErrorIs(t, err, holdfast.ErrFailed)
	require.ErrorIs(t, err, &holdfast.ErrTaken{Nodes: []int{0, 2}})
	require.ErrorIs(t, err, holdfast.ErrTaken{Nodes: []int{0, 2}})
	require.NotErrorIs(t, err, &holdfast.ErrTaken{Nodes: []int{0}})
	require.NotErrorIs(t, err, holdfast.ErrTaken{Nodes: []int{0}})
	require.NotErrorIs(t, err, (*holdfast.ErrTaken)(nil))

	var byPointer *holdfast.ErrTaken
	var byValue holdfast.ErrTaken
	require.ErrorAs(t, err, &byPointer)
	require.ErrorAs(t, err, &byValue)
	require.Equal(t, []int{0, 2}, byPointer.Nodes)
	require.Equal(t, *byPointer, byValue)
	require.EqualError(t, byValue, "lock already taken, locked nodes: [0 2]")
	require.EqualError(t, holdfast.ErrTaken{}, "lock already taken through the same object")
}

func TestErrNodeTaken(t *testing.T) {
	err := wrapped(&holdfast.ErrNodeTaken{Node: 3})
	require.ErrorIs(t, err, &holdfast.ErrNodeTaken{Node: 3})
	require.ErrorIs(t, err, holdfast.ErrNodeTaken{Node: 3})
	require.NotErrorIs(t, err, holdfast.ErrNodeTaken{Node: 1})
	require.NotErrorIs(t, err, (*holdfast.ErrNodeTaken)(nil))

	var byPointer *holdfast.ErrNodeTaken
	var byValue holdfast.ErrNodeTaken
	require.ErrorAs(t, err, &byPointer)
	require.ErrorAs(t, err, &byValue)
	require.Equal(t, 3, byPointer.Node)
	require.Equal(t, 3, byValue.Node)
	require.EqualError(t, byValue, "node #3: lock already taken")
}

func TestRedisError(t *testing.T) {
	cause := errors.New("no route")
	err := wrapped(&holdfast.RedisError{Node: 1, Addr: "10.0.0.1:6379", Err: cause})
	require.ErrorIs(t, err, cause)

	var byPointer *holdfast.RedisError
	var byValue holdfast.RedisError
	require.ErrorAs(t, err, &byPointer)
	require.ErrorAs(t, err, &byValue)
	require.Equal(t, holdfast.RedisError{Node: 1, Addr: "10.0.0.1:6379", Err: cause}, byValue)
	require.Equal(t, byValue, *byPointer)
	require.EqualError(t, byValue, "node #1 (10.0.0.1:6379): no route")
	require.EqualError(t, holdfast.RedisError{Node: 1, Err: cause}, "node #1: no route")
}
