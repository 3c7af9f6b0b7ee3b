package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

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
	ctx, stop := signal.NotifyContext(ctx, heeded()...)
	defer stop()
	return w.loop(ctx, *every)
}

// watcher shows the locks of a name, again and again.
type watcher struct {
	p      *program
	in     *inspect.Inspector
	name   string
	json   bool
	before map[string]string // what was shown last, by what it is; nil before the first time
	log    []string          // the latest changes
}

// maxLog is how many changes stay below the table at a terminal.
const maxLog = 10

// look asks for the locks of all kinds. Those that nothing is known of are left out.
func (w *watcher) look(ctx context.Context) (found []inspect.Status, err error) {
	kinds := []func(context.Context, string) (inspect.Status, error){w.in.Mutex, w.in.RWMutex, w.in.Semaphore}
	all, errs := make([]inspect.Status, len(kinds)), make([]error, len(kinds))
	var asked sync.WaitGroup
	for i, kind := range kinds { // at the same time, as each waits for a node that hangs
		asked.Go(func() { all[i], errs[i] = kind(ctx, w.name) })
	}
	asked.Wait()
	if guarded(all) {
		all[0], errs[0] = inspect.Status{}, nil
	}
	for i, status := range all {
		if errs[i] != nil || used(status) || failed(status) {
			found = append(found, status)
		}
	}
	return found, w.shortage(found, errors.Join(errs...))
}

func used(status inspect.Status) bool { return status.Held > 0 || status.Waiting > 0 }

// guarded reports that the key of the mutex, which is the first, is no mutex's, and that there
// is a lock of another kind. An application may call that as the key that it guards.
func guarded(all []inspect.Status) bool {
	if !slices.ContainsFunc(all[1:], used) || used(all[0]) {
		return false
	}
	return slices.ContainsFunc(all[0].Nodes, func(n inspect.Node) bool { return redis.HasErrorPrefix(n.Err, "WRONGTYPE") })
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
	if !w.json {
		report(w.p.stdout, found, nil)
	}
	return 0, nil
}

// loop prints until ctx ends: at a terminal in place, with the latest changes below, and else
// one table after the other, each with what has changed since the one before. JSON is one
// line each time.
func (w *watcher) loop(ctx context.Context, every time.Duration) (int, error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		found, err := w.look(ctx)
		if ctx.Err() != nil {
			return 0, nil
		}
		fmt.Fprint(w.p.stdout, w.page(found, err))
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return 0, nil
		}
	}
}

// home moves a terminal's cursor home and clears the screen.
const home = "\x1b[H\x1b[2J"

// page is what is printed of one look.
func (w *watcher) page(found []inspect.Status, err error) string {
	var tables strings.Builder
	w.print(&tables, found)
	if w.json {
		return tables.String()
	}
	report(&tables, found, err)
	shown := strings.Split(strings.TrimSuffix(tables.String(), "\n"), "\n")
	changes, before := w.changes(found, time.Now()), ""
	if w.p.screen != nil {
		shown, changes = w.p.screen().fit(shown, changes)
		before = home
	}
	return before + strings.Join(append(shown, changes...), "\n") + "\n"
}

func (w *watcher) print(out io.Writer, found []inspect.Status) {
	if w.json {
		printJSON(out, asJSON(w.name, found))
		return
	}
	if len(found) == 0 {
		fmt.Fprintf(out, "%s: free: no mutex, rwmutex or semaphore of this name is held or waited for\n", printable(w.name))
	}
	for _, status := range found {
		table(out, status)
	}
}

// changes says what came and what went: since the last time, or at a terminal lately.
func (w *watcher) changes(found []inspect.Status, at time.Time) (all []string) {
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
				now["node "+problem(i, node)] = printable(message(node.Err))
			}
		}
	}
	if w.before != nil {
		all = append(difference("-", w.before, now), difference("+", now, w.before)...)
	}
	w.before = now
	for i, change := range all {
		all[i] = at.Format(time.TimeOnly) + " " + change
	}
	if w.p.screen == nil {
		return all
	}
	w.log = append(w.log, all...)
	w.log = w.log[max(0, len(w.log)-maxLog):]
	return w.log
}
