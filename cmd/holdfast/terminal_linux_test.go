package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/internal/redistest"
)

// terminal is a pseudoterminal that holdfast has for its controlling one. The test types,
// and reads what is shown.
type terminal struct {
	t      *testing.T
	master *os.File
	shown  strings.Builder
}

// startAtTerminal starts holdfast as a shell would: it leads the foreground group.
func startAtTerminal(t *testing.T, url string, args ...string) (*terminal, *exec.Cmd) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		// A small container may have no /dev/ptmx. Any other error fails the test.
		t.Skip("no pseudoterminals here: ", err)
	}
	require.NoError(t, err)
	t.Cleanup(func() { _ = master.Close() })
	var number, locked int32
	control(t, master, syscall.TIOCSPTLCK, &locked)
	control(t, master, syscall.TIOCGPTN, &number)
	slave, err := os.OpenFile("/dev/pts/"+strconv.Itoa(int(number)), os.O_RDWR|syscall.O_NOCTTY, 0)
	require.NoError(t, err)
	defer func() { _ = slave.Close() }()

	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1", "HOLDFAST_REDIS="+url, "GORACE=atexit_sleep_ms=0")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return &terminal{t: t, master: master}, cmd
}

func control(t *testing.T, file *os.File, request uintptr, value *int32) {
	t.Helper()
	conn, err := file.SyscallConn()
	require.NoError(t, err)
	var errno syscall.Errno
	require.NoError(t, conn.Control(func(fd uintptr) {
		_, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(value)))
	}))
	require.Zero(t, errno)
}

func (term *terminal) typeIn(text string) {
	term.t.Helper()
	_, err := term.master.WriteString(text)
	require.NoError(term.t, err)
}

// await reads until some words are shown.
func (term *terminal) await(words string) {
	term.t.Helper()
	require.NoError(term.t, term.master.SetReadDeadline(time.Now().Add(patience)))
	for buffer := make([]byte, 4096); !strings.Contains(term.shown.String(), words); {
		n, err := term.master.Read(buffer)
		term.shown.Write(buffer[:n])
		require.NoError(term.t, err, "%q is not among %q", words, term.shown.String())
	}
}

// At a terminal the command reads what is typed, and Ctrl-C comes once: from the terminal,
// and not from holdfast too. Other signals come from holdfast.
func TestRunAtATerminal(t *testing.T) {
	const interrupts = 10 // as two that come at the same moment may be one
	node := redistest.StartOne(t)
	term, holdfast := startAtTerminal(t, urlOf(node), "run", "-mutex", redistest.Name(t), "--", os.Args[0], asCounter)
	term.await("reading")
	term.typeIn("words\n")
	term.await("read words")
	for i := range interrupts {
		term.typeIn("\x03")
		term.await(fmt.Sprintf("interrupt %d\r\n", i+1))
	}
	require.NoError(t, holdfast.Process.Signal(syscall.SIGTERM))
	term.await(fmt.Sprintf("after %d interrupts", interrupts))
	defer time.AfterFunc(patience, func() { _ = holdfast.Process.Kill() }).Stop()
	_ = holdfast.Wait()
	assert.Equal(t, 33, holdfast.ProcessState.ExitCode())
}
