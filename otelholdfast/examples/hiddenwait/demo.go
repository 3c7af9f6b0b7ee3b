package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The owners of the two processes, which they give to WithOwner.
const (
	slowOwner = "report-worker"
	fastOwner = "api-server"
)

// command is holdfast itself, as go build knows it.
const command = "github.com/holdfast-go/holdfast/cmd/holdfast"

// demo is one run of the demonstration.
type demo struct {
	redis       string
	out, stderr io.Writer
	job         job    // that both processes have, but for the owner
	seen        []line // what was shown
}

// line is something that was shown, and where: "metric", "log", "trace" or "show".
type line struct{ where, text string }

func newDemo(redis string, out, stderr io.Writer) *demo {
	return &demo{redis: redis, out: out, stderr: stderr, job: job{Redis: redis, Name: "example:hiddenwait:" + rand.Text()}}
}

// run plays the story, and ends both processes.
func (d *demo) run(ctx context.Context) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	dir, err := os.MkdirTemp("", "hiddenwait")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	holdfast, err := build(ctx, dir)
	if err != nil {
		return err
	}
	slow, err := d.start(ctx, slowOwner)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, slow.end()) }()
	if err := d.await(slow, "locked"); err != nil {
		return err
	}
	fast, err := d.start(ctx, fastOwner)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, fast.end()) }()
	if err := d.story(ctx, slow, fast, holdfast); err != nil {
		stop() // kills both
		return err
	}
	return d.judge()
}

// build compiles the command.
func build(ctx context.Context, dir string) (path string, err error) {
	path = filepath.Join(dir, "holdfast.exe") // which any system runs
	out, err := exec.CommandContext(ctx, "go", "build", "-o", path, command).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("compile %s: %w: %s", command, err, out)
	}
	return path, nil
}

// story begins when the slow process holds the lock.
func (d *demo) story(ctx context.Context, slow, fast *process, holdfast string) error {
	d.printf("%s holds the lock, and %s serves a request that needs it.", slowOwner, fastOwner)
	if err := d.await(fast, "waiting for a lock"); err != nil {
		return err
	}
	d.printf("Meanwhile:")
	if err := fast.say(wantMetrics); err != nil {
		return err
	}
	if err := d.await(fast, "holdfast.lock.pending_requests"); err != nil {
		return err
	}
	if err := d.show(ctx, holdfast); err != nil {
		return err
	}
	d.printf("%s unlocks.", slowOwner)
	slow.letGo()
	return d.await(fast, "served")
}

// show runs holdfast show.
func (d *demo) show(ctx context.Context, holdfast string) error {
	cmd := exec.CommandContext(ctx, holdfast, "show", d.job.Name)
	cmd.Env, cmd.Stderr = append(os.Environ(), "HOLDFAST_REDIS=redis://"+d.redis), d.stderr
	out, err := cmd.Output()
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		d.note(line{"show", lines.Text()})
	}
	if err != nil {
		return fmt.Errorf("holdfast show: %w", err)
	}
	return nil
}

// judge says whether each place has named the holder.
func (d *demo) judge() error {
	var errs []error
	for _, where := range []string{"metric", "log", "trace", "show"} {
		if !d.hasSeen(where, slowOwner) {
			errs = append(errs, fmt.Errorf("the %s does not say who held the lock", where))
		}
	}
	if !d.hasSeen("metric", "pending_requests{kind=mutex} 1") {
		errs = append(errs, errors.New("the metric does not say that a call waits"))
	}
	if len(errs) == 0 {
		d.printf("Metric, log, trace and holdfast show all name the holder: %s.", slowOwner)
	}
	return errors.Join(errs...)
}

func (d *demo) hasSeen(where, words string) bool {
	for _, l := range d.seen {
		if l.where == where && strings.Contains(l.text, words) {
			return true
		}
	}
	return false
}

// await notes what a process says until that has some words.
func (d *demo) await(p *process, words string) error {
	for text := range p.lines {
		where, rest, ok := strings.Cut(text, "\t")
		if ok {
			d.note(line{where, rest})
		}
		if strings.Contains(text, words) {
			return nil
		}
	}
	return fmt.Errorf("%s has ended and not said %q", p.owner, words)
}

func (d *demo) note(l line) {
	d.seen = append(d.seen, l)
	d.printf("  %-6s  %s", l.where, l.text)
}

func (d *demo) printf(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }
