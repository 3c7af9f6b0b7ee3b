package drivertest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// HangUp in place of a reply closes the connection.
const HangUp = ""

// Request is a call that arrived at a [FakeServer].
type Request struct {
	Number  int64    // 1 for the first one that the server received
	Conn    int64    // 1 for the first connection on which a call arrived
	Proto   int      // the version of RESP that the client asked for, or 2
	Command []string // the command's name, as the client wrote it, and what follows
}

// FakeServer answers calls of scripts, SET, GET and SUBSCRIBE as a test says. It answers any
// handshake: HELLO for either version of RESP, and what else a client sends before its
// first call. It is for answers that a real server gives only in situations that are hard
// to bring about.
type FakeServer struct {
	listener net.Listener
	answer   func(Request) string
	requests atomic.Int64
	carriers atomic.Int64 // connections on which calls have arrived

	mu     sync.Mutex
	conns  map[net.Conn]struct{} // nil once closed; guarded by mu
	served sync.WaitGroup
}

// StartFakeServer starts a server that ends with the test. answer returns a whole reply
// in RESP, or [HangUp]. It is called from many goroutines.
func StartFakeServer(t testing.TB, answer func(Request) string) *FakeServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &FakeServer{listener: listener, answer: answer, conns: make(map[net.Conn]struct{})}
	f.served.Go(f.accept)
	t.Cleanup(f.close)
	return f
}

// Addr is the server's address.
func (f *FakeServer) Addr() string { return f.listener.Addr().String() }

// Requests is how many calls have arrived.
func (f *FakeServer) Requests() int64 { return f.requests.Load() }

func (f *FakeServer) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			return
		}
		if f.track(conn) {
			f.served.Go(func() { f.serve(conn) })
		}
	}
}

// track remembers a connection, so that close can end it.
func (f *FakeServer) track(conn net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conns == nil {
		_ = conn.Close()
		return false
	}
	f.conns[conn] = struct{}{}
	return true
}

func (f *FakeServer) close() {
	_ = f.listener.Close()
	f.mu.Lock()
	for conn := range f.conns {
		_ = conn.Close()
	}
	f.conns = nil
	f.mu.Unlock()
	f.served.Wait()
}

func (f *FakeServer) serve(conn net.Conn) {
	defer conn.Close()
	at := Request{Proto: 2} // with what all requests of this connection have in common
	for reader := bufio.NewReader(conn); ; {
		words, err := readCommand(reader)
		if err != nil {
			return
		}
		reply := f.reply(&at, words)
		if reply == HangUp {
			return
		}
		if _, err := io.WriteString(conn, reply); err != nil {
			return
		}
	}
}

func (f *FakeServer) reply(at *Request, words []string) string {
	switch strings.ToLower(words[0]) {
	case "evalsha", "eval", "set", "get", "subscribe":
		if at.Conn == 0 {
			at.Conn = f.carriers.Add(1)
		}
		at.Number, at.Command = f.requests.Add(1), words
		return f.answer(*at)
	case "hello":
		return hello(at, words[1:])
	case "ping":
		return "+PONG\r\n"
	case "auth", "select":
		return "+OK\r\n"
	case "quit":
		return HangUp
	default:
		return "-ERR unknown command '" + words[0] + "'\r\n"
	}
}

// hello answers HELLO. Only its first argument matters: the version of RESP.
func hello(at *Request, args []string) string {
	if len(args) > 0 {
		at.Proto, _ = strconv.Atoi(args[0])
	}
	said := fmt.Sprintf("$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:%d\r\n", at.Proto)
	if at.Proto == 3 {
		return "%3\r\n" + said
	}
	return "*6\r\n" + said
}

// readCommand reads an array of bulk strings.
func readCommand(r *bufio.Reader) ([]string, error) {
	n, err := readLength(r, '*')
	if err != nil {
		return nil, err
	}
	words := make([]string, n)
	for i := range words {
		if words[i], err = readBulk(r); err != nil {
			return nil, err
		}
	}
	return words, nil
}

func readBulk(r *bufio.Reader) (string, error) {
	n, err := readLength(r, '$')
	if err != nil {
		return "", err
	}
	bulk := make([]byte, n+2) // and the line's end
	if _, err := io.ReadFull(r, bulk); err != nil {
		return "", err
	}
	return string(bulk[:n]), nil
}

func readLength(r *bufio.Reader, mark byte) (int, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return 0, err
	}
	if line[0] != mark {
		return 0, fmt.Errorf("%q where %q begins a length", line, mark)
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}

// splitAddr cuts host:port.
func splitAddr(t testing.TB, addr string) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	return host, port
}
