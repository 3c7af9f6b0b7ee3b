package redistest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
	"github.com/holdfast-go/holdfast/internal/redistest/ready"
)

// portAttempts is how often a server is started on another port after the one
// that was free got taken.
const portAttempts = 5

var (
	errPortTaken = errors.New("the port was taken")
	errNoBinary  = errors.New("neither redis-server nor valkey-server is on PATH")
)

// binary returns the path of the server to run, or why there is none.
func binary() (string, error) {
	if !canSignal {
		return "", errors.New("processes cannot be stopped and resumed on this system")
	}
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", errNoBinary
}

// processBackend runs each node as a process of its own.
type processBackend struct{ binary string }

func newProcessBackend() (backend, error) {
	path, err := binary()
	if err != nil {
		return nil, err
	}
	return processBackend{path}, nil
}

func (b processBackend) name() string     { return backendProcess }
func (b processBackend) describe() string { return "one " + b.binary + " a node" }
func (b processBackend) room(int) string  { return "" }

func (b processBackend) lacks(ability Ability) string {
	if ability == CanDisconnect || ability == CanAddress {
		return "processes share the network of this machine"
	}
	return ""
}

func (b processBackend) start(_ int, cfg config) (server, error) {
	return startProcess(b.binary, redisArgs(cfg.args()...))
}

// commandLine returns the arguments of a server for a port. It may put files
// that they name into dir, where the server will run.
type commandLine func(dir string, port int) ([]string, error)

// redisArgs is a Redis without persistence, with more arguments.
func redisArgs(more ...string) commandLine {
	return func(_ string, port int) ([]string, error) {
		args := []string{
			"--port", strconv.Itoa(port), "--bind", loopback.Host,
			"--save", "", "--appendonly", "no", "--daemonize", "no",
		}
		return append(args, more...), nil
	}
}

// startProcess runs a server on a free port.
func startProcess(binary string, line commandLine) (*process, error) {
	for range portAttempts {
		port, err := loopback.Reserve()
		if err != nil {
			return nil, err
		}
		p, err := newProcess(binary, port, line)
		if !errors.Is(err, errPortTaken) {
			return p, err
		}
	}
	return nil, fmt.Errorf("redistest: %w %d times", errPortTaken, portAttempts)
}

// process is a Redis server process with a directory of its own.
type process struct {
	binary string
	args   []string
	port   *loopback.Reservation
	dir    string

	cmd    *exec.Cmd     // nil while there is no process
	exited chan struct{} // closed when cmd's process is gone
}

// newProcess starts a process on a reserved port, which it owns from here on,
// and waits until it answers. On error nothing is left behind.
func newProcess(binary string, port *loopback.Reservation, line commandLine) (*process, error) {
	dir, err := os.MkdirTemp("", "holdfast-redistest-")
	if err != nil {
		port.Release()
		return nil, fmt.Errorf("redistest: %w", err)
	}
	args, err := line(dir, port.Port())
	p := &process{binary: binary, args: args, port: port, dir: dir}
	if err == nil {
		err = p.launch()
	}
	if err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// launch starts the process and waits until it answers. On error there is none.
func (p *process) launch() error {
	if err := p.spawn(); err != nil {
		return fmt.Errorf("redistest: start %s: %w", p.binary, err)
	}
	err := ready.Await(p.port.Addr(), p.exited)
	if err == nil {
		return nil
	}
	return fmt.Errorf("redistest: start %s: %w", p.binary, errors.Join(err, p.kill(), p.complaint()))
}

// spawn starts the process. What it prints goes to a file in its directory.
func (p *process) spawn() error {
	output, err := os.Create(p.logFile())
	if err != nil {
		return err
	}
	defer output.Close()
	cmd := exec.Command(p.binary, p.args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, output, output
	cmd.SysProcAttr = diesWithParent()
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // killed, mostly; why it exited is in its output
	}()
	p.cmd, p.exited = cmd, exited
	return nil
}

func (p *process) logFile() string { return filepath.Join(p.dir, "output") }

// complaint is the end of what a process that failed to start has printed.
func (p *process) complaint() error {
	output, err := os.ReadFile(p.logFile())
	if err != nil {
		return err
	}
	if bytes.Contains(output, []byte("Address already in use")) {
		return errPortTaken
	}
	const enough = 2000
	return errors.New(string(output[max(0, len(output)-enough):]))
}

func (p *process) addr() string { return p.port.Addr() }

func (p *process) pause() error  { return p.signal(pauseSignal) }
func (p *process) resume() error { return p.signal(resumeSignal) }

// signal sends a signal to the process, if there is one.
func (p *process) signal(signal os.Signal) error {
	if p.cmd == nil {
		return nil
	}
	return p.cmd.Process.Signal(signal)
}

// kill ends the process and waits until it is gone. SIGKILL also ends one that
// was stopped.
func (p *process) kill() error {
	if p.cmd == nil {
		return nil
	}
	err := p.cmd.Process.Kill()
	<-p.exited
	p.cmd = nil
	if errors.Is(err, os.ErrProcessDone) {
		return nil // it had crashed, which a test that cares notices
	}
	return err
}

// restart kills the process, forgets what it may have saved, and starts another.
func (p *process) restart() error {
	return errors.Join(p.kill(), p.wipe(), p.launch())
}

// wipe deletes what Redis was configured to save. It leaves the file in which a
// cluster node keeps who it is.
func (p *process) wipe() error {
	var errs []error
	for _, pattern := range []string{"*.rdb", "*.aof", "appendonlydir"} {
		saved, err := filepath.Glob(filepath.Join(p.dir, pattern))
		errs = append(errs, err)
		for _, path := range saved {
			errs = append(errs, os.RemoveAll(path))
		}
	}
	return errors.Join(errs...)
}

func (p *process) stop() error {
	err := p.kill()
	p.port.Release()
	return errors.Join(err, os.RemoveAll(p.dir))
}
