// Package ready waits until a Redis server answers.
package ready

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

// Timeout is how long a server may take until it answers. It is long for the sake of
// machines with much to do; a server that dies is noticed at once.
const Timeout = 30 * time.Second

// Await waits until the server at addr answers. It gives up when gone is closed, or
// after Timeout.
func Await(addr string, gone <-chan struct{}) error {
	const pause = 2 * time.Millisecond
	late := time.After(Timeout)
	for {
		err := Ping(addr, time.Second)
		if err == nil {
			return nil
		}
		select {
		case <-gone:
			return errors.New("the server exited")
		case <-late:
			return fmt.Errorf("no answer after %s: %w", Timeout, err)
		case <-time.After(pause):
		}
	}
}

// Ping asks the server at addr whether it is ready, which it has so long to say. One
// that wants a password first is.
func Ping(addr string, timeout time.Duration) error {
	conn, err := redis.Dial("tcp", addr,
		redis.DialConnectTimeout(timeout), redis.DialReadTimeout(timeout))
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.Do("PING")
	if err != nil && strings.HasPrefix(err.Error(), "NOAUTH") {
		return nil
	}
	return err
}
