package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/holdfast-go/holdfast/cmd/holdfast/internal/redisurl"
	"github.com/holdfast-go/holdfast/inspect"
)

// release frees the leases that have a value.
func (p *program) release(ctx context.Context, args []string) (int, error) {
	set, urls := flags("release")
	value := set.String("value", "", "")
	yes := set.Bool("yes", false, "")
	words, err := parse(set, args, "NAME")
	switch {
	case err != nil:
		return statusUsage, err
	case words[0] == "" || *value == "":
		return statusUsage, usagef("NAME and -value needed: holdfast show NAME has the values")
	}
	clients, pools, err := p.connect(*urls)
	if err != nil {
		return statusUsage, err
	}
	defer redisurl.Close(clients)
	w := &watcher{p: p, in: inspect.New(pools...), name: words[0]}
	found, lookErr := w.look(ctx)
	holders := holdersWith(found, *value)
	switch {
	case len(holders) == 0 && lookErr != nil:
		return statusFailed, lookErr
	case len(holders) == 0:
		return statusFailed, fmt.Errorf("nothing called %q is held with this value, any more or at all", words[0])
	}
	for _, h := range holders {
		if err := p.releaseOne(ctx, w.in, h, *yes); err != nil {
			return statusFailed, err
		}
	}
	return 0, nil
}

// holdersWith lists the leases that have a value.
func holdersWith(found []inspect.Status, value string) (holders []inspect.Holder) {
	for _, status := range found {
		for _, h := range status.Holders {
			if h.Value == value {
				holders = append(holders, h)
			}
		}
	}
	return holders
}

// releaseOne asks, and frees a lease.
func (p *program) releaseOne(ctx context.Context, in *inspect.Inspector, h inspect.Holder, yes bool) error {
	fmt.Fprintf(p.stdout, "%s %s (%s) is held by %s since %s, for another %s, on nodes %s\n", h.Kind, printable(h.Name), h.Mode,
		owner(h.Owner), since(h.Since), remaining(h.Remaining), nodes(h))
	if !yes && !p.confirmed() {
		return errors.New("nothing was released")
	}
	freed, err := in.Release(ctx, h)
	if err == nil && len(freed) == 0 {
		return errors.New("the lease has ended meanwhile: nothing was released")
	}
	fmt.Fprintf(p.stdout, "released on nodes %s\n", numbers(freed))
	return err
}

// confirmed asks for a yes.
func (p *program) confirmed() bool {
	fmt.Fprint(p.stdout, "Its holder may still be at work, and the next begins at once. Release it? [y/N] ")
	answer, _ := bufio.NewReader(p.stdin).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true
	}
	return false
}
