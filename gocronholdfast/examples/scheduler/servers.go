package main

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/holdfast-go/holdfast/driver"
	"github.com/holdfast-go/holdfast/driver/goredis"
	"github.com/holdfast-go/holdfast/internal/redistest/embedded"
	"github.com/holdfast-go/holdfast/mutex"
)

// servers returns the servers of the list, or starts three where it is empty, and what
// stops them.
func servers(list string) (addrs []string, stop func(), err error) {
	if list != "" {
		return strings.Split(list, ","), func() {}, nil
	}
	var nodes []*embedded.Node
	stop = func() {
		for _, node := range nodes {
			node.Close()
		}
	}
	for range 3 {
		node, err := embedded.Start()
		if err != nil {
			stop()
			return nil, nil, err
		}
		nodes, addrs = append(nodes, node), append(addrs, node.Addr())
	}
	return addrs, stop, nil
}

// newLocks connects to the servers, and returns what closes the connections.
func newLocks(addrs []string) (locks *mutex.Factory, closeAll func()) {
	var pools []driver.Pool
	var clients []*redis.Client
	for _, addr := range addrs {
		client := redis.NewClient(&redis.Options{Addr: addr})
		clients, pools = append(clients, client), append(pools, goredis.NewPool(client))
	}
	return mutex.New(pools...), func() {
		for _, client := range clients {
			_ = client.Close()
		}
	}
}

// reach reports why the servers cannot be used: the replicas would wait for them.
func reach(ctx context.Context, addrs []string, name string) error {
	locks, closeAll := newLocks(addrs)
	defer closeAll()
	probe := locks.NewMutex(name+":probe", mutex.WithTries(5))
	if err := probe.LockContext(ctx); err != nil {
		return err
	}
	_, err := probe.Unlock()
	return err
}
