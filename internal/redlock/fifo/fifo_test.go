package fifo

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestGoroutinesAreCalledInOrder(t *testing.T) {
	var q Queue[int]
	require.Nil(t, q.First())
	var places []*Place[int]
	for i := range 4 {
		places = append(places, q.Enter(i))
	}
	require.True(t, q.Leave(places[1]))
	require.False(t, q.Leave(places[1]))
	for _, i := range []int{0, 2, 3} {
		p := q.First()
		require.True(t, p == places[i])
		require.Equal(t, i, p.Value)
		require.False(t, isClosed(p.Called()))
		q.Call(p)
		require.True(t, isClosed(p.Called()))
		require.False(t, q.Leave(p), "what it was called for is to be handed on")
	}
	require.Nil(t, q.First())
	require.False(t, isClosed(places[1].Called()))
}

func TestAny(t *testing.T) {
	var q Queue[int]
	odd := func(i int) bool { return i%2 == 1 }
	q.Enter(2)
	require.False(t, q.Any(odd))
	p := q.Enter(3)
	q.Enter(4)
	require.True(t, q.Any(odd))
	q.Leave(p)
	require.False(t, q.Any(odd))
}

// One that was called may wait again for what comes next, and is woken once.
func TestWaitAgain(t *testing.T) {
	var q Queue[int]
	p := q.Enter(1)
	q.Call(p)
	woken := p.WaitAgain()
	require.False(t, isClosed(woken))
	require.False(t, isClosed(p.Called()))
	q.Call(p)
	q.Call(p)
	require.True(t, isClosed(woken))
}
