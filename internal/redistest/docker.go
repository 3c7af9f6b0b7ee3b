package redistest

import (
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/holdfast-go/holdfast/internal/redistest/wire"
)

// dockerBackend has a program run each node as a container, as the libraries for that
// must not be among what a user of this module is asked to trust. The program lies in
// the folder containers, which is a module of its own.
type dockerBackend struct {
	program *exec.Cmd
	calls   *rpc.Client
	engine  wire.Engine
}

// newDockerBackend starts the program, which asks whether a Docker engine answers and
// has the image, or can get it.
func newDockerBackend(image string) (backend, error) {
	program, err := containerProgram(image)
	if err != nil {
		return nil, err
	}
	b := &dockerBackend{program: program}
	if b.calls, err = started(program); err != nil {
		return nil, fmt.Errorf("run %s: %w", program, err)
	}
	if err := b.calls.Call("Nodes.Open", wire.Nothing{}, &b.engine); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// containerProgram is the command that compiles and runs the program, from the sources
// beside this package's. What it complains about goes to the tests' standard error.
func containerProgram(image string) (*exec.Cmd, error) {
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/holdfast-go/holdfast/internal/redistest").Output()
	if err != nil {
		return nil, fmt.Errorf("where the program that runs containers lies: %w", err)
	}
	program := exec.Command("go", "run", ".", image)
	program.Dir = filepath.Join(strings.TrimSpace(string(dir)), "containers")
	program.Env = append(os.Environ(), "GOWORK=off")
	program.Stderr = os.Stderr
	return program, nil
}

// started starts a program and returns what calls it. The program ends when its input
// does, which the kernel sees to when this process is killed.
func started(program *exec.Cmd) (*rpc.Client, error) {
	in, err := program.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := program.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return jsonrpc.NewClient(pipes{out, in}), program.Start()
}

// pipes are a program's output and input as one connection.
type pipes struct {
	io.Reader
	io.WriteCloser // closing it ends the program, and then its output
}

// Close ends the program, which ends what it runs, and waits for that.
func (b *dockerBackend) Close() error {
	return errors.Join(b.calls.Close(), b.program.Wait())
}

func (b *dockerBackend) name() string     { return backendDocker }
func (b *dockerBackend) describe() string { return "one container of " + b.engine.Image + " a node" }
func (b *dockerBackend) room(int) string  { return "" }

func (b *dockerBackend) lacks(ability Ability) string {
	switch ability {
	case CanReplicate:
		return "a container does not reach another one by its address on the host"
	case CanAddress:
		return b.engine.NoAddress
	}
	return ""
}

func (b *dockerBackend) start(_ int, cfg config) (server, error) {
	s := containerServer{calls: b.calls}
	err := b.calls.Call("Nodes.Start", wire.Node{Args: cfg.args(), OwnAddress: cfg.address}, &s.node)
	return s, err
}

// containerServer is a node in a container.
type containerServer struct {
	calls *rpc.Client
	node  wire.Started
}

func (s containerServer) addr() string      { return s.node.Addr }
func (s containerServer) pause() error      { return s.do(wire.Pause) }
func (s containerServer) resume() error     { return s.do(wire.Resume) }
func (s containerServer) kill() error       { return s.do(wire.Kill) }
func (s containerServer) restart() error    { return s.do(wire.Restart) }
func (s containerServer) disconnect() error { return s.do(wire.Disconnect) }
func (s containerServer) reconnect() error  { return s.do(wire.Reconnect) }
func (s containerServer) stop() error       { return s.do(wire.Stop) }

func (s containerServer) do(action wire.Action) error {
	return s.calls.Call(string(action), s.node.ID, &wire.Nothing{})
}
