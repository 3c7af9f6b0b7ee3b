package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/holdfast-go/holdfast/examples/internal/crew"
	"github.com/holdfast-go/holdfast/examples/internal/stage"
	"github.com/holdfast-go/holdfast/mutex"
)

// job says what one process has to do.
type job struct {
	Source  string // URL
	Redis   []string
	Key     string
	Version string // of the entry that it asks for
	Locked  bool
}

// Do asks for the entry once, together with the other processes.
func (j job) Do(ctx context.Context, talk *crew.Talk) error {
	clients, closeAll := stage.Connect(j.Redis)
	defer closeAll()
	c := cache{entries: clients[0], key: j.Key, fill: j.ask}
	if j.Locked {
		locks := newLocks(clients)
		c.filling = func() *mutex.Mutex {
			return locks.NewMutex("lock/"+j.Key, mutex.WithExpiry(time.Minute), mutex.WithUnlimitedTries())
		}
	}
	return talk.Join(func() error {
		value, err := c.get(ctx, j.Version)
		if err == nil && value == "" {
			err = fmt.Errorf("no value for %s", j.Key)
		}
		return err
	})
}

// ask asks the source.
func (j job) ask(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, j.Source, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}
