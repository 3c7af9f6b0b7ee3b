package crew

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
)

// jobEnv is the environment variable that makes a program a member of a crew. It
// holds the member's job as JSON.
const jobEnv = "HOLDFAST_EXAMPLE_JOB"

// IsMember reports whether this process was started by Start.
func IsMember() bool { return os.Getenv(jobEnv) != "" }

// Perform does the work of a member, which gets its job and its end of the talk,
// and returns the exit status of the process.
func Perform[J any](work func(J, *Talk) error) int {
	var job J
	err := json.Unmarshal([]byte(os.Getenv(jobEnv)), &job)
	if err == nil {
		err = work(job, NewTalk(os.Stdout, os.Stdin))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "worker process %d: %v\n", os.Getpid(), err)
		return 1
	}
	return 0
}

// Member is one process of the crew, seen from the program that started it.
type Member struct {
	*Talk
	Number int // from 1, for people

	cmd   *exec.Cmd
	stdin io.Closer

	endOnce sync.Once
	ended   error // how the process ended, once it has
}

// Start starts this very program again with a job, which has to be fit for JSON.
// The process is killed when ctx ends. Every member has to be ended by End.
func Start(ctx context.Context, number int, job any, stderr io.Writer) (*Member, error) {
	cmd, err := command(ctx, job)
	if err != nil {
		return nil, err
	}
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start worker %d: %w", number, err)
	}
	return &Member{Talk: NewTalk(stdin, stdout), Number: number, cmd: cmd, stdin: stdin}, nil
}

// command is this program with the job in its environment.
func command(ctx context.Context, job any) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(job)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), jobEnv+"="+string(text))
	return cmd, nil
}

// Kill kills the process, which gets no chance to clean up.
func (m *Member) Kill() error { return m.cmd.Process.Kill() }

// LetGo ends the member's input, which asks it to end.
func (m *Member) LetGo() { _ = m.stdin.Close() }

// End lets the member go, waits until its process has ended, and returns how
// that went. What it has said has to be read before. Calling it again returns
// the same.
func (m *Member) End() error {
	m.endOnce.Do(func() {
		m.LetGo()
		if err := m.cmd.Wait(); err != nil {
			m.ended = fmt.Errorf("worker %d: %w", m.Number, err)
		}
	})
	return m.ended
}
