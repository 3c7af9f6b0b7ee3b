package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"
)

// To start a container takes the engine much longer than a test mostly lasts. So one
// that a test leaves running, and configured as it was, is emptied for the next test.

const (
	// maxAge is up to which age a container is given to another test: what is left of
	// its life must be enough for that.
	maxAge = containerExpiry * time.Second / 2
	// emptyTimeout bounds each step of emptying a server. One that takes longer is not
	// used again.
	emptyTimeout = time.Second
)

var errNotAsStarted = errors.New("the server is not as it was started")

// plain reports whether a container was started as most are.
func (c *container) plain() bool { return len(c.args) == 0 && c.network == nil }

// remember notes how the server of a plain container is configured at its start.
func (c *container) remember() (err error) {
	if !c.plain() {
		return nil
	}
	c.launched = time.Now()
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	c.configured, err = configuration(conn)
	return err
}

// empty makes the server what it was at its start, but for its clock. On error it must
// not be used again.
func (c *container) empty() error {
	if !c.plain() || c.resource == nil || c.paused {
		return errNotAsStarted
	}
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	found, err := configuration(conn)
	if err != nil {
		return err
	}
	if found != c.configured {
		return errNotAsStarted
	}
	return wipe(conn)
}

// wipe takes everything from a server that it has not been started with. Clients go
// first, so that none of them writes afterwards.
func wipe(conn redis.Conn) error {
	for _, command := range [][]any{
		{"CLIENT", "KILL", "TYPE", "normal"}, // but for this one
		{"CLIENT", "KILL", "TYPE", "pubsub"},
		{"FLUSHALL"},
		{"SCRIPT", "FLUSH"},
		{"SLOWLOG", "RESET"},
		{"CONFIG", "RESETSTAT"},
	} {
		if _, err := conn.Do(command[0].(string), command[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// configuration is what tests may have changed about a server, as a text.
func configuration(conn redis.Conn) (string, error) {
	settings, err := redis.Strings(conn.Do("CONFIG", "GET", "*"))
	if err != nil {
		return "", err
	}
	users, err := redis.Strings(conn.Do("ACL", "LIST"))
	return fmt.Sprint(settings, users), err
}

func (c *container) dial() (redis.Conn, error) {
	return redis.Dial("tcp", c.addr(), redis.DialConnectTimeout(emptyTimeout),
		redis.DialReadTimeout(emptyTimeout), redis.DialWriteTimeout(emptyTimeout))
}
