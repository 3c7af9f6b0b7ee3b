// Command containers runs Redis nodes as Docker containers for one test binary. The
// binary's package redistest starts it, and talks to it as package wire says:
//
//	containers [image]
//
// The image is repository:tag, by default redis:7.4-alpine. One that is there is used
// as it is, another one is pulled.
//
// The program ends with its input, and the containers with it: when the test binary is
// done, and also when that has crashed or was killed. Should the program be killed
// itself, the engine ends the containers in time.
package main

import (
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// endTimeout is how long everything may take to end once the input has. It is longer
// than the start of a node that is under way.
const endTimeout = time.Minute

func main() {
	// A signal of a terminal or of CI reaches the tests too. What ends with them must
	// not end before.
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	nodes := newNodes(newEngine(strings.Join(os.Args[1:], "")))
	serve(nodes, os.Stdin, os.Stdout)
	if err := nodes.end(); err != nil {
		fmt.Fprintln(os.Stderr, "containers:", err)
		os.Exit(1)
	}
}

// serve answers calls until the input ends and the last one is answered.
func serve(nodes *Nodes, in io.Reader, out io.Writer) {
	server := rpc.NewServer()
	if err := server.Register(nodes); err != nil {
		panic(err) // a mistake in this program
	}
	server.ServeCodec(jsonrpc.NewServerCodec(pipes{in, out}))
}

// pipes are the program's input and output as one connection.
type pipes struct {
	in io.Reader
	io.Writer
}

// Read reads the input. At its end it sees to the end of the program, whatever an
// engine does.
func (p pipes) Read(into []byte) (int, error) {
	n, err := p.in.Read(into)
	if err != nil {
		time.AfterFunc(endTimeout, func() { os.Exit(1) })
	}
	return n, err
}

// Close does nothing: the program's end closes its input and its output.
func (p pipes) Close() error { return nil }
