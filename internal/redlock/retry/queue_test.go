package retry

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/faketime"
)

// asked is a queue whose node answers when it is well.
type asked struct {
	*Queue[int]

	mu        sync.Mutex
	well      bool
	sent      []int
	now, most int // under way
}

func bubble(t *testing.T, test func(t *testing.T, a *asked)) {
	faketime.Run(t, func(t *testing.T) {
		a := new(asked)
		a.Queue = New(a.send)
		test(t, a)
		a.set(func() { a.well = true })
		time.Sleep(time.Second)
		require.Zero(t, a.Len())
	})
}

func (a *asked) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
}

func (a *asked) send(one int, done func(bool)) {
	a.set(func() {
		a.sent = append(a.sent, one)
		if !a.well {
			a.Add(one)
		}
		a.now++
		a.most = max(a.most, a.now)
	})
	time.AfterFunc(time.Millisecond, func() {
		well := false
		a.set(func() {
			a.now--
			well = a.well
		})
		done(well)
	})
}

// seen is what was sent since the last call.
func (a *asked) seen() (sent []int) {
	a.set(func() { sent, a.sent = a.sent, nil })
	return sent
}

func series(to int) []int {
	all := make([]int, to)
	for i := range all {
		all[i] = i
	}
	return all
}

// A node that is well is sent all, one at first and then more at a time.
func TestAllIsSent(t *testing.T) {
	bubble(t, func(t *testing.T, a *asked) {
		a.set(func() { a.well = true })
		for i := range 200 {
			a.Add(i)
		}
		a.Send()
		require.Equal(t, []int{0}, a.seen(), "one first")
		a.Send()
		require.Empty(t, a.seen(), "it is being sent")
		time.Sleep(time.Second)
		sent := append(a.seen(), 0)
		slices.Sort(sent)
		require.Equal(t, series(200), sent, "each once")
		a.set(func() { require.Equal(t, maxTogether, a.most) })
	})
}

// One that does not answer is sent one, after pauses that grow, until it is well again. Then the
// pauses are short again.
func TestOneIsSentWhileTheNodeIsAway(t *testing.T) {
	bubble(t, func(t *testing.T, a *asked) {
		for i := range 3 {
			a.Add(i)
		}
		time.Sleep(time.Millisecond / 2)
		for _, pause := range []time.Duration{25, 50, 100, 200, 400, 400, 400} {
			time.Sleep(pause*time.Millisecond - time.Millisecond)
			require.Empty(t, a.seen(), pause)
			time.Sleep(time.Millisecond)
			require.Len(t, a.seen(), 1, pause)
		}
		require.Equal(t, 3, a.Len())
		a.set(func() { a.well = true })
		time.Sleep(time.Second)
		require.Zero(t, a.Len())
		a.set(func() { a.well, a.sent = false, nil })
		a.Add(7)
		time.Sleep(minPause + time.Millisecond/2)
		require.Equal(t, []int{7}, a.seen())
	})
}

// An answer is a reason to send at once what is pending.
func TestSendDoesNotWaitForThePause(t *testing.T) {
	bubble(t, func(t *testing.T, a *asked) {
		a.Add(1)
		time.Sleep(10*maxPause + time.Millisecond)
		a.set(func() { a.well, a.sent = true, nil })
		a.Send()
		require.Equal(t, []int{1}, a.seen())
	})
}

func TestOldestIsDropped(t *testing.T) {
	bubble(t, func(t *testing.T, a *asked) {
		for i := range Max {
			_, full := a.Add(i)
			require.False(t, full)
		}
		for i := range 3 {
			dropped, full := a.Add(Max + i)
			require.True(t, full)
			require.Equal(t, i, dropped)
		}
		require.Equal(t, Max, a.Len())
	})
}

// One is added in the moment in which the goroutine that has sent the last finds no more: it
// must not be left.
func TestOneThatIsAddedAsTheSendingEnds(t *testing.T) {
	bubble(t, func(t *testing.T, a *asked) {
		a.well = true
		a.sending.Store(true)     // by one that has sent the last,
		require.Nil(t, a.take(1)) // and has just seen that
		require.False(t, a.sending.Load())
		a.Add(1)
		a.Send()
		require.Equal(t, []int{1}, a.sent)
		time.Sleep(time.Second)
		require.Zero(t, a.Len())
	})
}

func TestCounts(t *testing.T) {
	var c Counts[string]
	require.False(t, c.Has("a"))
	c.Add("a")
	c.Add("a")
	require.True(t, c.Has("a"))
	require.False(t, c.Has("b"))
	c.Remove("a")
	require.True(t, c.Has("a"))
	c.Remove("a")
	require.False(t, c.Has("a"))
}
