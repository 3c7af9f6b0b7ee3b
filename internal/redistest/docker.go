package redistest

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
)

const (
	// defaultImage is what nodes run without HOLDFAST_REDIS_IMAGE.
	defaultImage = "redis:7.4-alpine"
	// engineTimeout is how long the Docker engine may take to say that it is there.
	engineTimeout = 5 * time.Second
	// pullTimeout is how long an image may take to arrive. Past it, no backend.
	pullTimeout = 2 * time.Minute
)

// dockerBackend runs each node as a container.
type dockerBackend struct {
	pool       *dockertest.Pool
	repository string
	tag        string
	host       string // where published ports are
	local      bool   // the engine is on this machine
}

// newDockerBackend asks whether a Docker engine answers and has the image, or
// can get it. That is settled here and not by the first test, so that a machine
// with an engine and no way to an image falls back to another backend.
func newDockerBackend(image string) (backend, error) {
	pool, err := dockertest.NewPool("")
	if err != nil {
		return nil, fmt.Errorf("no Docker engine: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), engineTimeout)
	defer cancel()
	if err := pool.Client.PingWithContext(ctx); err != nil {
		return nil, fmt.Errorf("no Docker engine: %w", err)
	}
	b := dockerBackend{pool: pool}
	b.host, b.local = engineHost(pool.Client.Endpoint())
	b.repository, b.tag = splitImage(image)
	return b, b.obtainImage()
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

func (b dockerBackend) image() string { return b.repository + ":" + b.tag }

func (b dockerBackend) name() string     { return backendDocker }
func (b dockerBackend) describe() string { return "one container of " + b.image() + " a node" }
func (b dockerBackend) lacks(ability Ability) string {
	switch {
	case ability == CanReplicate:
		return "a container does not reach another one by its address on the host"
	case ability == CanAddress && (!b.local || runtime.GOOS != "linux"):
		return "the engine's networks are not networks of this machine"
	}
	return ""
}

func (b dockerBackend) room(int) string { return "" }

// start runs a container on a free port. The port is reserved on this machine
// even when the engine is on another one; there it is a good guess, and another
// one is tried when it was wrong.
func (b dockerBackend) start(_ int, cfg config) (server, error) {
	for range portAttempts {
		port, err := loopback.Reserve()
		if err != nil {
			return nil, err
		}
		c := &container{backend: b, port: port, args: cfg.args()}
		if cfg.address {
			c.network, err = b.newNetwork()
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
