package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/ory/dockertest/v3"

	"github.com/holdfast-go/holdfast/internal/redistest/loopback"
	"github.com/holdfast-go/holdfast/internal/redistest/wire"
)

const (
	// defaultImage is what nodes run without HOLDFAST_REDIS_IMAGE.
	defaultImage = "redis:7.4-alpine"
	// engineTimeout is how long the Docker engine may take to say that it is there.
	engineTimeout = 5 * time.Second
	// pullTimeout is how long an image may take to arrive.
	pullTimeout = 2 * time.Minute
	// portAttempts is how often a container is started on another port after the one
	// that was free got taken.
	portAttempts = 5
)

var errPortTaken = errors.New("the port was taken")

// engine runs each node as a container.
type engine struct {
	pool       *dockertest.Pool
	repository string
	tag        string
	host       string // where published ports are
	local      bool   // the engine is on this machine
}

// newEngine asks whether a Docker engine answers and has the image, or can get it.
func newEngine(image string) (engine, error) {
	pool, err := dockertest.NewPool("")
	if err != nil {
		return engine{}, fmt.Errorf("no Docker engine: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), engineTimeout)
	defer cancel()
	if err := pool.Client.PingWithContext(ctx); err != nil {
		return engine{}, fmt.Errorf("no Docker engine: %w", err)
	}
	e := engine{pool: pool}
	e.host, e.local = engineHost(pool.Client.Endpoint())
	e.repository, e.tag = splitImage(image)
	return e, e.obtainImage()
}

// engineHost returns where the ports that an engine publishes can be reached,
// and whether that is this machine.
func engineHost(endpoint string) (host string, local bool) {
	at, err := url.Parse(endpoint)
	if err != nil || at.Hostname() == "" {
		return loopback.Host, true // a socket or a pipe
	}
	return at.Hostname(), false
}

// splitImage splits repository:tag at the last colon, which is no tag's when a
// slash follows (a registry's port). "" is the default image.
func splitImage(image string) (repository, tag string) {
	if image == "" {
		image = defaultImage
	}
	colon := strings.LastIndexByte(image, ':')
	if colon < 0 || strings.Contains(image[colon:], "/") {
		return image, "latest"
	}
	return image[:colon], image[colon+1:]
}

func (e engine) image() string { return e.repository + ":" + e.tag }

// noAddress is why a container cannot have an address of its own, or "".
func (e engine) noAddress() string {
	if !e.local || runtime.GOOS != "linux" {
		return "the engine's networks are not networks of this machine"
	}
	return ""
}

// start runs a container on a free port. The port is reserved on this machine
// even when the engine is on another one; there it is a good guess, and another
// one is tried when it was wrong.
func (e engine) start(node wire.Node) (*container, error) {
	for range portAttempts {
		port, err := loopback.Reserve()
		if err != nil {
			return nil, err
		}
		c := &container{engine: e, port: port, args: node.Args}
		if node.OwnAddress {
			c.network, err = e.newNetwork()
		}
		if err == nil {
			err = c.launch()
		}
		if err == nil {
			return c, nil
		}
		err = errors.Join(err, c.stop())
		if !errors.Is(err, errPortTaken) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("redistest: %w %d times", errPortTaken, portAttempts)
}
