package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"
)

// network is a Docker network for one container at a time, which has the same
// address in it as the one before.
type network struct {
	pool    *dockertest.Pool
	id      string
	address string // of the container; "" until there was one
}

// newNetwork makes a network. Those that killed programs have left behind are taken
// away, as the engine has addresses for some thirty only.
func (e engine) newNetwork() (*network, error) {
	_, _ = e.pool.Client.PruneNetworks(docker.PruneNetworksOptions{ // in use or young ones stay
		Filters: map[string][]string{
			"label": {containerLabel},
			"until": {fmt.Sprintf("%ds", containerExpiry)},
		},
	})
	made, err := e.pool.CreateNetwork(fmt.Sprintf("%s-%016x", containerLabel, rand.Uint64()), func(options *docker.CreateNetworkOptions) {
		options.Labels = map[string]string{containerLabel: "network"}
	})
	if err != nil {
		return nil, fmt.Errorf("redistest: make a network: %w", err)
	}
	return &network{pool: e.pool, id: made.Network.ID}, nil
}

// locate finds the address of the network's container. The engine takes the lowest
// that is free, which is the same each time; a test could not go on with another one.
func (n *network) locate(container string) error {
	found, err := n.pool.Client.NetworkInfo(n.id)
	if err != nil {
		return fmt.Errorf("redistest: look at a network: %w", err)
	}
	address, _, _ := strings.Cut(found.Containers[container].IPv4Address, "/")
	if address == "" || n.address != "" && address != n.address {
		return fmt.Errorf("redistest: the container's address is %q, and was %q", address, n.address)
	}
	n.address = address
	return nil
}

// remove takes the network away.
func (n *network) remove() error {
	err := n.pool.Client.RemoveNetwork(n.id)
	var gone *docker.NoSuchNetwork
	if errors.As(err, &gone) {
		return nil
	}
	return err
}
