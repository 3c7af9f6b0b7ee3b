package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"time"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cmd/holdfast/internal/redisurl"
	"github.com/holdfast-go/holdfast/inspect"
)

// releaseTime is how long run waits for its release, and settleTime for the nodes that the
// majority has not waited for. The lock ends by its expiry else.
const (
	releaseTime = 5 * time.Second
	settleTime  = time.Second
)

// order is what run is asked for.
type order struct {
	wanted
	urls        string
	wait, grace time.Duration
	command     []string
}

// run holds a lock while a command runs, and returns its status.
func (p *program) run(ctx context.Context, args []string) (int, error) {
	o, err := parseRun(args)
	if err != nil {
		return statusUsage, err
	}
	path, err := exec.LookPath(o.command[0])
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return statusNotFound, err
	} else if err != nil {
		return statusCannot, err
	}
	clients, pools, err := p.connect(o.urls)
	if err != nil {
		return statusUsage, err
	}
	defer redisurl.Close(clients)
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, heeded()...)
	defer signal.Stop(signals)
	surviveBrokenPipes()

	l := o.lease(pools)
	if sig, err := o.acquire(ctx, l, signals); sig != nil {
		return 128 + number(sig), fmt.Errorf("%s while it waited for %s %q", sig, o.kind, o.name)
	} else if errors.Is(err, holdfast.ErrConfig) {
		return statusUsage, err
	} else if err != nil {
		return statusUnlocked, err
	}
	c := &command{path: path, args: o.command, env: append(withoutLease(os.Environ()), l.environment(o.name)...), p: p, grace: o.grace}
	status, err := c.supervise(l.lost(), signals)
	status, err = p.finish(l, &o.wanted, status, c.lost, err)
	if len(pools) > 1 {
		w := &watcher{p: p, in: inspect.New(pools...), name: o.name}
		w.awaitEnd(ctx, l.value())
	}
	return status, err
}

// acquire waits for the lock, and for no longer than is wanted. A signal ends the wait.
func (o *order) acquire(ctx context.Context, l *lease, signals <-chan os.Signal) (os.Signal, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if o.wait > 0 {
		var done context.CancelFunc
		ctx, done = context.WithTimeout(ctx, o.wait)
		defer done()
	}
	acquired := make(chan error, 1)
	go func() { acquired <- l.acquire(ctx) }()
	for {
		select {
		case err := <-acquired:
			return nil, err
		case sig := <-signals:
			if !ends(sig) {
				continue
			}
			cancel()
			if err := <-acquired; err == nil { // both came at the same time
				_, _ = release(l) // the signal is what ended it
			}
			return sig, nil
		}
	}
}

func release(l *lease) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTime)
	defer cancel()
	return l.release(ctx)
}

// awaitEnd waits until no node that answers has the value any more. A majority does not
// wait for the slowest node, whose release would end with the process.
func (w *watcher) awaitEnd(ctx context.Context, value string) {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	for ctx.Err() == nil {
		found, _ := w.look(ctx)
		if len(holdersWith(found, value)) == 0 {
			return
		}
		time.Sleep(settleTime / 100)
	}
}

// finish releases the lock after the command, and returns what the two come to.
func (p *program) finish(l *lease, w *wanted, status int, lost bool, err error) (int, error) {
	held, releaseErr := release(l)
	switch {
	case lost:
		return statusLost, errors.Join(fmt.Errorf("%s %q was lost", w.kind, w.name), err)
	case err != nil:
		return status, err
	case !held && (errors.Is(releaseErr, holdfast.ErrLockAlreadyExpired) || errors.Is(releaseErr, holdfast.ErrLost)):
		return statusLost, fmt.Errorf("%s %q was lost before the command ended: %w", w.kind, w.name, releaseErr)
	case !held && releaseErr != nil:
		return status, fmt.Errorf("the release is not known to have worked, so the lock may last for %v: %w", w.expiry, releaseErr)
	}
	return status, nil
}

// parseRun reads the arguments of run.
func parseRun(args []string) (*order, error) {
	set, urls := flags("run")
	o := &order{}
	names := make(map[string]*string)
	for _, kind := range []string{"mutex", "write", "read", "semaphore"} {
		names[kind] = set.String(kind, "", "")
	}
	set.IntVar(&o.limit, "limit", 0, "")
	set.IntVar(&o.n, "n", 1, "")
	set.DurationVar(&o.wait, "wait", 30*time.Second, "")
	set.DurationVar(&o.expiry, "expiry", 10*time.Second, "")
	set.DurationVar(&o.grace, "grace", 500*time.Millisecond, "")
	set.StringVar(&o.owner, "owner", defaultOwner(), "")
	set.BoolVar(&o.fence, "fence", false, "")
	if err := set.Parse(args); err != nil {
		return nil, asUsage(err)
	}
	for kind, name := range names {
		if *name == "" {
			continue
		}
		if o.kind != "" {
			return nil, usagef("-%s and -%s given, one of them needed", min(o.kind, kind), max(o.kind, kind))
		}
		o.kind, o.name = kind, *name
	}
	o.urls, o.command, o.once = *urls, set.Args(), o.wait == 0
	return o, o.check()
}

func (o *order) check() error {
	switch {
	case o.kind == "":
		return usagef("no lock: give -mutex, -write, -read or -semaphore with its name")
	case len(o.command) == 0:
		return usagef("no command: give one after --")
	case o.kind == "semaphore" && o.limit < 1:
		return usagef("-limit is %d, at least 1 needed", o.limit)
	case o.kind != "semaphore" && (o.limit != 0 || o.n != 1):
		return usagef("-limit and -n are for -semaphore, and -%s was given", o.kind)
	case o.fence && o.kind != "mutex" && o.kind != "write":
		return usagef("-fence is for -mutex and -write, and -%s was given", o.kind)
	case o.grace < 0:
		return usagef("-grace is %v, at least 0 needed", o.grace)
	}
	return nil
}

// defaultOwner says where a process can be found.
func defaultOwner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}
