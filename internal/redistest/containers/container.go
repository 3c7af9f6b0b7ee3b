package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"

	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
	"github.com/holdfast-go/holdfast/internal/redistest/ready"
)

const (
	// containerExpiry is how long a container lives at most, in seconds: long
	// enough for a whole test run, short enough that those of a program that was
	// killed do not pile up.
	containerExpiry = 20 * 60
	// containerLabel marks the containers of this program.
	containerLabel = "holdfast.redistest"
	// containerNetwork is the network that a container is on by default.
	containerNetwork = "bridge"
	// redisPort is the port inside a container.
	redisPort = "6379/tcp"
)

// container is a node in a Docker container, and in another one after each
// restart: what a container held is gone with it.
type container struct {
	engine  engine
	port    *loopback.Reservation // the published port
	network *network              // its own; nil for the one of all containers
	args    []string

	resource *dockertest.Resource // nil while there is none
	paused   bool

	launched   time.Time // of a plain one, see empty
	configured string    // at its start
}

// launch starts a container and waits until Redis in it answers. On error there
// may be one, which kill removes.
func (c *container) launch() error {
	resource, err := c.engine.pool.RunWithOptions(c.runOptions(), removeAtExit)
	if err != nil {
		return c.startError(err)
	}
	c.resource = resource
	if err := c.locate(); err != nil {
		return c.startError(err)
	}
	if err := resource.Expire(containerExpiry); err != nil {
		return c.startError(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := ready.Await(c.addr(), c.exit(ctx)); err != nil {
		return c.startError(err)
	}
	if err := c.remember(); err != nil {
		return c.startError(err)
	}
	return nil
}

// startError says what was tried. It is an errPortTaken when that is the reason.
func (c *container) startError(err error) error {
	for _, taken := range []string{"port is already allocated", "address already in use"} {
		if strings.Contains(err.Error(), taken) {
			err = errors.Join(errPortTaken, err)
			break
		}
	}
	return fmt.Errorf("redistest: start a container of %s with %q: %w", c.engine.image(), c.args, err)
}

// runOptions say how to run the container. Its command starts with an option,
// which the official images take for one of their server's.
func (c *container) runOptions() *dockertest.RunOptions {
	args := []string{"--port", docker.Port(redisPort).Port(), "--protected-mode", "no", "--save", "", "--appendonly", "no"}
	binding := docker.PortBinding{HostPort: strconv.Itoa(c.port.Port())}
	if c.engine.local {
		binding.HostIP = loopback.Host // for nobody else
	}
	options := &dockertest.RunOptions{
		Repository:   c.engine.repository,
		Tag:          c.engine.tag,
		Cmd:          append(args, c.args...),
		ExposedPorts: []string{redisPort},
		PortBindings: map[docker.Port][]docker.PortBinding{redisPort: {binding}},
		Labels:       map[string]string{containerLabel: "node"},
	}
	if c.network != nil {
		options.NetworkID = c.network.id
	}
	return options
}

// removeAtExit has the engine remove a container that ended, by its expiry too.
func removeAtExit(config *docker.HostConfig) { config.AutoRemove = true }

// exit returns a channel that is closed when the container has ended. The
// watch is over when ctx is.
func (c *container) exit(ctx context.Context) <-chan struct{} {
	exited := make(chan struct{})
	id := c.resource.Container.ID
	go func() {
		defer close(exited)
		_, _ = c.engine.pool.Client.WaitContainerWithContext(id, ctx)
	}()
	return exited
}

func (c *container) addr() string {
	if c.network != nil {
		return net.JoinHostPort(c.network.address, docker.Port(redisPort).Port())
	}
	return net.JoinHostPort(c.engine.host, strconv.Itoa(c.port.Port()))
}

func (c *container) pause() error {
	if c.resource == nil || c.paused {
		return nil
	}
	client, id := c.engine.pool.Client, c.resource.Container.ID
	err := freeze(
		func() error { return client.PauseContainer(id) },
		func() error { return client.UnpauseContainer(id) },
		func() bool { return ready.Ping(c.addr(), freezeProof) == nil },
	)
	c.paused = err == nil
	return err
}

const (
	// freezeTries is how often an engine is asked to freeze a container.
	freezeTries = 5
	// freezeProof is how long a server must be silent to be taken for frozen.
	freezeProof = 100 * time.Millisecond
)

var errNotFrozen = errors.New("redistest: the engine has paused the container, and the server still answers")

// freeze asks again while the engine says that it could not: on a busy machine its
// runtime gives up on processes that run all the time, and lets them go on. So it does
// when the server still answers: now and then an engine says that it has paused a
// container, and then that it is not paused.
func freeze(pause, resume func() error, answers func() bool) (err error) {
	for range freezeTries {
		if err = pause(); err == nil || errorSays(err, "already paused") {
			if !answers() {
				return nil
			}
			if err = resume(); err != nil && !errorSays(err, "is not paused", "running process") {
				return err
			}
			err = errNotFrozen
			time.Sleep(freezeProof) // until the engine knows what it runs
		} else if !errorSays(err, "unable to freeze") {
			return err
		}
	}
	return err
}

// errorSays reports that an error has one of the texts in it.
func errorSays(err error, texts ...string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(err.Error(), text) })
}

func (c *container) resume() error {
	if c.resource == nil || !c.paused {
		return nil
	}
	err := c.engine.pool.Client.UnpauseContainer(c.resource.Container.ID)
	c.paused = err != nil
	return err
}

// kill removes the container, which kills what runs in it.
func (c *container) kill() error {
	if c.resource == nil {
		return nil
	}
	err := c.engine.pool.Purge(c.resource)
	var gone *docker.NoSuchContainer
	if errors.As(err, &gone) {
		err = nil // it had crashed, which a test that cares notices
	}
	c.resource, c.paused = nil, false
	return err
}

// restart replaces the container by a new one on the same port.
func (c *container) restart() error {
	if err := c.kill(); err != nil {
		return err
	}
	return c.launch()
}

func (c *container) stop() error {
	err := c.kill()
	c.port.Release()
	if c.network != nil {
		err = errors.Join(err, c.network.remove())
	}
	return err
}

// disconnect takes the container off its network: its packets vanish, and its
// address and its published port with them.
func (c *container) disconnect() error {
	if c.resource == nil {
		return nil
	}
	return c.engine.pool.Client.DisconnectNetwork(c.networkID(),
		docker.NetworkConnectionOptions{Container: c.resource.Container.ID, Force: true})
}

// reconnect ends a disconnect.
func (c *container) reconnect() error {
	if c.resource == nil {
		return nil
	}
	err := c.engine.pool.Client.ConnectNetwork(c.networkID(),
		docker.NetworkConnectionOptions{Container: c.resource.Container.ID})
	if err != nil {
		return err
	}
	return c.locate()
}

// networkID names the network that the container is on.
func (c *container) networkID() string {
	if c.network != nil {
		return c.network.id
	}
	return containerNetwork
}

// locate finds the container's address in a network of its own.
func (c *container) locate() error {
	if c.network == nil {
		return nil
	}
	return c.network.locate(c.resource.Container.ID)
}
