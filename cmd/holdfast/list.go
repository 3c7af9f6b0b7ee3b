package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast"
	"github.com/holdfast-go/holdfast/cmd/holdfast/internal/redisurl"
	"github.com/holdfast-go/holdfast/driver"
)

// scanCount is how many keys a server looks at in one step of a scan.
const scanCount = 1000

// list prints the locks whose names match a pattern.
func (p *program) list(ctx context.Context, args []string) (int, error) {
	set, urls := flags("ls")
	words, err := parse(set, args, "PATTERN")
	if err != nil {
		return statusUsage, err
	}
	clients, pools, err := p.connect(*urls)
	if err != nil {
		return statusUsage, err
	}
	defer redisurl.Close(clients)
	l := &listing{pattern: words[0], locks: make(map[string]bool)}
	var errs []error
	for i, client := range clients {
		if err := l.scanNode(ctx, client); err != nil {
			errs = append(errs, &holdfast.RedisError{Node: i, Addr: addr(pools[i]), Err: err})
		}
	}
	for _, line := range l.lines() {
		fmt.Fprintln(p.stdout, line)
	}
	if len(errs) > 0 {
		return statusFailed, errors.Join(errs...)
	}
	return 0, nil
}

// addr is where a node is, or "".
func addr(pool driver.Pool) string {
	if located, ok := pool.(driver.Located); ok {
		return located.Addr()
	}
	return ""
}

// listing is the locks that were found. Masters of a Cluster are scanned at the same time.
type listing struct {
	pattern string
	silence *time.Timer // until the node is given up
	mu      sync.Mutex
	locks   map[string]bool // lines to print; guarded by mu
}

// maxSilence is how long a node may take for a step of its scan. Without it a client that
// cannot connect tries for half a minute.
const maxSilence = 5 * time.Second

// scanNode scans a node unless it is silent. What it has said until then is kept.
func (l *listing) scanNode(ctx context.Context, client redis.UniversalClient) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	l.silence = time.AfterFunc(maxSilence, func() { cancel(fmt.Errorf("no answer for %v", maxSilence)) })
	defer l.silence.Stop()
	ended := make(chan error, 1)
	go func() { ended <- l.scanAll(ctx, client) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done(): // which a client that connects does not look at
		return context.Cause(ctx)
	}
}

// lines are the locks, sorted.
func (l *listing) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.locks))
}

func (l *listing) scanAll(ctx context.Context, client redis.UniversalClient) error {
	if cluster, ok := client.(*redis.ClusterClient); ok {
		return cluster.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error { return l.scan(ctx, master) })
	}
	return l.scan(ctx, client)
}

// scan looks at all keys of a server, a thousand at a time, and never blocks it for
// longer.
func (l *listing) scan(ctx context.Context, client redis.Cmdable) error {
	for cursor := uint64(0); ; {
		keys, next, err := client.Scan(ctx, cursor, l.pattern+"*", scanCount).Result()
		if err != nil {
			return err
		}
		if err := l.take(ctx, client, keys); err != nil {
			return err
		}
		l.silence.Reset(maxSilence)
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// take adds the locks that keys are of. A plain key is a mutex if its value is a token.
func (l *listing) take(ctx context.Context, client redis.Cmdable, keys []string) error {
	var plain []string
	for _, key := range keys {
		if kind, name := lockOf(key); kind != "" {
			l.add(kind, name)
		} else {
			plain = append(plain, key)
		}
	}
	pipe := client.Pipeline()
	var values []*redis.StringCmd
	for _, key := range plain {
		values = append(values, pipe.GetRange(ctx, key, 0, 36))
	}
	if _, err := pipe.Exec(ctx); err != nil && !redis.HasErrorPrefix(err, "WRONGTYPE") {
		return err
	}
	for i, value := range values {
		if isToken(value.Val()) {
			l.add("mutex", plain[i])
		}
	}
	return nil
}

func (l *listing) add(kind, name string) {
	if !match(l.pattern, name) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.locks[fmt.Sprintf("%-9s  %s", kind, printable(name))] = true
}

// suffixes are what the keys of a lock end with that has holders or waiters.
var suffixes = map[string]string{
	":mutex:queue":    "mutex",
	":rwmutex:writer": "rwmutex", ":rwmutex:readers": "rwmutex", ":rwmutex:queue:write": "rwmutex", ":rwmutex:queue:read": "rwmutex",
	":permits:held": "semaphore", ":permits:queue": "semaphore",
}

// lockOf finds the lock that a key of the form name{tag}kind belongs to, where the tag is
// the name or a number.
func lockOf(key string) (kind, name string) {
	end := strings.LastIndexByte(key, '}')
	if end < 0 || suffixes[key[end+1:]] == "" {
		return "", ""
	}
	body := key[:end]
	if half := (len(body) - 1) / 2; len(body)%2 == 1 && body[half] == '{' && body[:half] == body[half+1:] {
		return suffixes[key[end+1:]], body[:half]
	}
	open := strings.LastIndexByte(body, '{')
	if open <= 0 || open == end-1 || strings.Trim(body[open+1:], "0123456789") != "" {
		return "", ""
	}
	return suffixes[key[end+1:]], body[:open]
}

// isToken reports whether the first bytes of a value are those of a token: a UUID of
// version 7, or 16 bytes in base64, as Redsync's clients have them.
func isToken(value string) bool {
	switch {
	case len(value) == 24:
		return strings.HasSuffix(value, "==")
	case len(value) < 36 || len(value) == 37 && value[36] != '@':
		return false
	}
	return value[8] == '-' && value[13] == '-' && value[14] == '7' && value[18] == '-' && value[23] == '-'
}
