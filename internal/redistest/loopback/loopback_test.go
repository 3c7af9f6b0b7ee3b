package loopback_test

import (
	"net"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
)

func reserve(t *testing.T) *loopback.Reservation {
	t.Helper()
	r, err := loopback.Reserve()
	require.NoError(t, err)
	t.Cleanup(r.Release)
	return r
}

func TestReservedPortRefusesConnections(t *testing.T) {
	_, err := net.Dial("tcp", reserve(t).Addr())
	assert.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestReservedPortCanBeListenedOnAgainAndAgain(t *testing.T) {
	r := reserve(t)
	for range 3 {
		listener, err := net.Listen("tcp", r.Addr())
		require.NoError(t, err)
		require.NoError(t, listener.Close())
	}
}

func TestReservePortFailsOnAPortInUse(t *testing.T) {
	listener, err := net.Listen("tcp", loopback.Addr(0))
	require.NoError(t, err)
	defer listener.Close()
	_, err = loopback.ReservePort(listener.Addr().(*net.TCPAddr).Port)
	assert.ErrorIs(t, err, syscall.EADDRINUSE)
}

// The kernel chooses among some 28,000 ports: were the 200 reserved ones not
// kept, 2,000 choices would hit about 14 of them.
func TestKernelNeverPicksAReservedPort(t *testing.T) {
	requireKept(t, func(*loopback.Reservation) {})
}

// Nor one that was reserved until a moment ago, which clients may still try.
func TestKernelPicksNoPortThatWasJustReleased(t *testing.T) {
	requireKept(t, (*loopback.Reservation).Release)
}

// requireKept checks that nobody gets a port that was reserved, after what is done to it.
func requireKept(t *testing.T, then func(*loopback.Reservation)) {
	if runtime.GOOS != "linux" { // elsewhere a reserved port can be lost, and a process then tries another
		t.Skip("ports can be kept on Linux only")
	}
	reserved := map[int]bool{}
	for range 200 {
		r := reserve(t)
		reserved[r.Port()] = true
		then(r)
	}
	assert.Len(t, reserved, 200, "two reservations of one port")
	for range 2000 {
		listener, err := net.Listen("tcp", loopback.Addr(0))
		require.NoError(t, err)
		port := listener.Addr().(*net.TCPAddr).Port
		assert.False(t, reserved[port], "port %d is reserved", port)
		require.NoError(t, listener.Close())
	}
}

func TestReleaseTwice(t *testing.T) {
	r := reserve(t)
	r.Release()
	r.Release()
}
