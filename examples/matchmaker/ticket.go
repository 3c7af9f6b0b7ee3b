package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/redigo"
	"github.com/holdfast-go/holdfast/mutex"
)

// ticket is what is known of one match that is being made.
type ticket struct {
	Players []string
	State   string // "searching", or "full" once it has its players
}

// store keeps tickets in Redis.
type store struct {
	tickets *redis.Pool    // of the server that has the tickets
	locks   *mutex.Factory // nil updates without a lock
	size    int            // players of a full ticket
}

// newPool returns connections to one server: few, which many goroutines wait for.
func newPool(addr string) *redis.Pool {
	return &redis.Pool{
		MaxIdle:   4,
		MaxActive: 4,
		Wait:      true,
		DialContext: func(ctx context.Context) (redis.Conn, error) {
			return redis.DialContext(ctx, "tcp", addr)
		},
	}
}

// connect returns one pool for each address, and what closes them.
func connect(addrs []string) (pools []*redis.Pool, closeAll func()) {
	for _, addr := range addrs {
		pools = append(pools, newPool(addr))
	}
	return pools, func() {
		for _, pool := range pools {
			_ = pool.Close()
		}
	}
}

// newLocks is called once in a process.
func newLocks(pools []*redis.Pool) *mutex.Factory {
	var nodes []driver.Pool
	for _, pool := range pools {
		nodes = append(nodes, redigo.NewPool(pool))
	}
	return mutex.New(nodes...)
}

// join adds a player to a ticket while no other process changes it. The work ends with
// the lease: after Until another process may change the ticket.
func (s store) join(ctx context.Context, id, player string) (err error) {
	if s.locks == nil {
		return s.update(ctx, id, player)
	}
	m := s.locks.NewMutex("lock/"+id, mutex.WithExpiry(time.Minute), mutex.WithUnlimitedTries())
	return m.Do(ctx, func(ctx context.Context) error { return s.update(ctx, id, player) })
}

// update reads a ticket, changes it, and writes it back.
func (s store) update(ctx context.Context, id, player string) error {
	conn, err := s.tickets.GetContext(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	t, err := read(ctx, conn, id)
	if err != nil {
		return err
	}
	t.Players = append(t.Players, player)
	if t.State = "searching"; len(t.Players) == s.size {
		t.State = "full"
	}
	time.Sleep(time.Millisecond) // stands for the choice of opponents
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = redis.DoContext(conn, ctx, "SET", id, text, "EX", 600)
	return err
}

// read returns a ticket, which is empty if there is none yet.
func read(ctx context.Context, conn redis.Conn, id string) (t ticket, err error) {
	text, err := redis.Bytes(redis.DoContext(conn, ctx, "GET", id))
	if errors.Is(err, redis.ErrNil) {
		return t, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &t)
	}
	if err != nil {
		return t, fmt.Errorf("ticket %s: %w", id, err)
	}
	return t, nil
}
