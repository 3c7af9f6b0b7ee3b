package examples_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/internal/redistest"
)

// A new user of Redis may use no channel. Its locks poll, beside those of users who listen.
// Releases grant those what they give back.
func TestWhoMayNotListenIsServedBesideThoseWhoMay(t *testing.T) {
	redistest.Needs(t, redistest.CanConfig)
	node := redistest.StartOne(t)
	for _, p := range primitives {
		t.Run(p.user, func(t *testing.T) {
			line := p.aclLine(t)
			deaf := slices.DeleteFunc(slices.Clone(line), func(word string) bool { return word[0] == '&' })
			deaf[2] = "deaf" + p.user
			setUser(t, node, line)
			setUser(t, node, deaf)
			from := p.waits[len(p.waits)-2] // readers, where there are any
			var crowd sync.WaitGroup
			done := make(chan struct{})
			defer func() { close(done); crowd.Wait() }()
			for range 3 {
				pool := pools(t, node, line)["go-redis"]
				crowd.Go(func() { assert.NoError(t, useAgainAndAgain(from, p.name, pool, done)) })
			}
			for client, pool := range pools(t, node, deaf) {
				node.Do(t, "ACL", "LOG", "RESET")
				before, err := from(p.name, pools(t, node, line)["go-redis"], 1000, retry)
				require.NoError(t, err)
				waited := make(chan error, 1)
				go func() {
					back, err := p.waits[len(p.waits)-1](p.name, pool, 1000, retry)
					if err == nil {
						_, err = back()
					}
					waited <- err
				}()
				assert.Eventually(t, func() bool { return len(denied(t, node, deaf[2])) > 0 }, hangs, time.Millisecond,
					"%s: it tries to listen", client)
				_, err = before()
				assert.NoError(t, err, client)
				assert.NoError(t, <-waited, client)
			}
		})
	}
}

func retry(int) time.Duration { return 100 * time.Millisecond }

// useAgainAndAgain takes something and gives it back until done is closed.
func useAgainAndAgain(from take, name string, pool driver.Pool, done <-chan struct{}) error {
	for {
		back, err := from(name, pool, 1000, retry)
		if err != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond) // a section of some length: a load, and no wait for anything
		if _, err := back(); err != nil {
			return err
		}
		select {
		case <-done:
			return nil
		default:
		}
	}
}
