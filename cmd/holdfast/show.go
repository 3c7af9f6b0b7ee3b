package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"time"

	"github.com/holdfast-go/holdfast/cmd/holdfast/internal/redisurl"
	"github.com/holdfast-go/holdfast/inspect"
)

// show prints who holds the locks of a name.
func (p *program) show(ctx context.Context, args []string) (int, error) {
	set, urls := flags("show")
	asJSON := set.Bool("json", false, "")
	watch := set.Bool("watch", false, "")
	every := set.Duration("every", time.Second, "")
	words, err := parse(set, args, "NAME")
	switch {
	case err != nil:
		return statusUsage, err
	case words[0] == "":
		return statusUsage, usagef("empty NAME")
	case *every < 10*time.Millisecond:
		return statusUsage, usagef("-every is %v, at least 10ms needed", *every)
	}
	clients, pools, err := p.connect(*urls)
	if err != nil {
		return statusUsage, err
	}
	defer redisurl.Close(clients)
	w := &watcher{p: p, in: inspect.New(pools...), name: words[0], json: *asJSON}
	if !*watch {
		return w.once(ctx)
	}
	ctx, stop := signal.NotifyContext(ctx, forwarded...)
	defer stop()
	return w.loop(ctx, *every)
}

// watcher shows the locks of a name, again and again.
type watcher struct {
	p      *program
	in     *inspect.Inspector
	name   string
	json   bool
	before map[string]string // what was shown last, by what it is
}

// look asks for the locks of all kinds. Those that nothing is known of are left out.
func (w *watcher) look(ctx context.Context) (found []inspect.Status, err error) {
	var errs []error
	for _, kind := range []func(context.Context, string) (inspect.Status, error){w.in.Mutex, w.in.RWMutex, w.in.Semaphore} {
		status, err := kind(ctx, w.name)
		errs = append(errs, err)
		if err != nil || status.Held > 0 || status.Waiting > 0 || failed(status) {
			found = append(found, status)
		}
	}
	return found, errors.Join(errs...)
}

func failed(status inspect.Status) bool {
	for _, node := range status.Nodes {
		if node.Err != nil {
			return true
		}
	}
	return false
}

func (w *watcher) once(ctx context.Context) (int, error) {
	found, err := w.look(ctx)
	w.print(w.p.stdout, found)
	if err != nil {
		return statusFailed, err
	}
	return 0, nil
}

// loop prints in place, at a terminal, until ctx ends, and below the table what has
// changed. JSON is one line each time.
func (w *watcher) loop(ctx context.Context, every time.Duration) (int, error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		found, err := w.look(ctx)
		if ctx.Err() != nil {
			return 0, nil
		}
		var page strings.Builder
		w.print(&page, found)
		if !w.json {
			w.changes(&page, found)
			if err != nil {
				fmt.Fprintln(&page, lines(err))
			}
			if w.p.isTerminal {
				fmt.Fprint(w.p.stdout, "\x1b[H\x1b[2J")
			}
		}
		fmt.Fprint(w.p.stdout, page.String())
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return 0, nil
		}
	}
}

func (w *watcher) print(out io.Writer, found []inspect.Status) {
	if w.json {
		_ = json.NewEncoder(out).Encode(asJSON(w.name, found))
		return
	}
	if len(found) == 0 {
		fmt.Fprintf(out, "%s: free: no mutex, rwmutex or semaphore of this name is held or waited for\n", printable(w.name))
	}
	for _, status := range found {
		table(out, status)
	}
}

// changes says what came and what went since the last time.
func (w *watcher) changes(out io.Writer, found []inspect.Status) {
	now := make(map[string]string)
	for _, status := range found {
		for _, h := range status.Holders {
			now[status.Kind+" h "+h.Value] = fmt.Sprintf("%s: held by %s (%s)", status.Kind, owner(h.Owner), h.Mode)
		}
		for _, t := range status.Waiters {
			now[status.Kind+" w "+t.ID] = fmt.Sprintf("%s: awaited by %s (%s)", status.Kind, printable(t.ID), t.Mode)
		}
		for i, node := range status.Nodes {
			if node.Err != nil {
				now[fmt.Sprint(status.Kind, " n ", i)] = fmt.Sprintf("%s: %s", status.Kind, printable(node.Err.Error()))
			}
		}
	}
	if w.before != nil {
		difference(out, "+", now, w.before)
		difference(out, "-", w.before, now)
	}
	w.before = now
}
