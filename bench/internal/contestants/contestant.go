// Package contestants wraps Holdfast, its peers and the bare commands in one
// interface, so that a benchmark runs the same steps against each of them.
//
// Every contestant gets clients of its own, made with their libraries' default
// settings: what is measured is what a user gets who changes nothing.
package contestants

import (
	"errors"
	"io"
	"time"
)

// Client is the Redis client library a contestant runs on. Contestants are
// compared with the bare commands on the same library.
type Client string

// The client libraries.
const (
	GoRedis  Client = "go-redis"
	Redigo   Client = "redigo"
	Rueidis  Client = "rueidis"
	ValkeyGo Client = "valkey-go"
)

// Expiry is the lifetime of holds where the library asks for one. It is the
// default of both Holdfast and redsync.
const Expiry = 8 * time.Second

// Library is who made the lock.
type Library string

// The libraries. Floor is none: the bare commands, without which there is no
// lock.
const (
	Floor       Library = "floor"
	Holdfast    Library = "holdfast"
	Redsync     Library = "redsync"
	FailFast    Library = "redsync with FailFast"
	Redislock   Library = "redislock"
	Rueidislock Library = "rueidislock"
)

// Contestant is a lock library on a client library, not yet connected.
type Contestant struct {
	Library Library
	Client  Client
	Note    string // what a reader must know to compare it, or ""

	open func(addrs []string) (Session, error)
}

// Name names the contestant in tables and benchmark names.
func (c Contestant) Name() string {
	name := string(c.Library) + ", " + string(c.Client)
	if c.Note != "" {
		name += " (" + c.Note + ")"
	}
	return name
}

// Open connects the contestant to the nodes at addrs, with a new client for each
// node. The caller closes the session.
func (c Contestant) Open(addrs []string) (Session, error) { return c.open(addrs) }

// Session is a connected contestant. It is not safe for concurrent use.
type Session interface {
	// Pair takes one lock and gives it back, always the same one.
	Pair() error
	// Close closes the session's clients.
	Close() error
}

// closers closes several clients as one.
type closers []io.Closer

func (c closers) Close() error {
	var err error
	for _, closer := range c {
		err = errors.Join(err, closer.Close())
	}
	return err
}

// closeWith closes what err left open.
func (c closers) closeWith(err error) error { return errors.Join(err, c.Close()) }
