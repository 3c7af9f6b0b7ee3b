package redistest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
)

// The backends, as HOLDFAST_TEST_BACKEND and Backend name them.
const (
	backendAddrs    = "addrs"
	backendProcess  = "process"
	backendDocker   = "docker"
	backendEmbedded = "embedded"
)

// The environment variables that the choice of the backend depends on.
const (
	envBackend = "HOLDFAST_TEST_BACKEND"
	envAddrs   = "HOLDFAST_REDIS_ADDRS"
	envImage   = "HOLDFAST_REDIS_IMAGE"
)

// errUnsupported is returned by a server that is asked for what its backend
// said it cannot do. Nodes ask the backend first, so no test ever sees it.
var errUnsupported = errors.New("redistest: the backend cannot do this")

// backend runs nodes of one kind. It is safe for concurrent use. One that is an
// io.Closer is closed when the tests have ended.
type backend interface {
	// name is the backend's name, one of the constants above.
	name() string
	// describe says what exactly runs the nodes, in a few words.
	describe() string
	// lacks returns why the backend does not have an ability, or "" if it does.
	lacks(Ability) string
	// room returns why n nodes are not available at once, or "".
	room(n int) string
	// start runs node i of a test, empty and answering. On error nothing is
	// left behind.
	start(i int, cfg config) (server, error)
}

// server is one running node of a backend. After stop nothing else is called.
// Its methods are not safe for concurrent use.
type server interface {
	// addr is where the node listens, the same for its whole life.
	addr() string
	pause() error
	resume() error
	kill() error
	restart() error
	// stop ends the node whatever state it is in, and leaves nothing behind.
	stop() error
}

// Backend is the name of the backend that runs the nodes: "addrs", "process",
// "docker" or "embedded"; "" when HOLDFAST_TEST_BACKEND names one that is not
// available.
func Backend() string {
	chosen, err := choose()
	if err != nil {
		return ""
	}
	return chosen.name()
}

// choose returns the backend of this test binary, chosen at the first call. That
// may be before the tests run, which is too early for go test to see what the
// choice depends on: it would take one backend's cached result for another's. So
// each call reads it again.
func choose() (backend, error) {
	for _, env := range []string{envBackend, envAddrs, envImage} {
		_ = os.Getenv(env)
	}
	return chosen()
}

var chosen = sync.OnceValues(func() (backend, error) {
	forced := os.Getenv(envBackend)
	if forced == "" {
		return firstOf(), nil
	}
	chosen, err := newBackend(forced)
	if err != nil {
		return nil, fmt.Errorf("redistest: %s=%s: %w", envBackend, forced, err)
	}
	return chosen, nil
})

// firstOf returns the first backend that can be had. The last one always can,
// and says why none of the others. Containers are for those who ask for them: an
// image may have to be pulled, and their program compiled.
func firstOf() backend {
	var reasons []string
	for _, name := range []string{backendAddrs, backendProcess} {
		chosen, err := newBackend(name)
		if err == nil {
			return chosen
		}
		reasons = append(reasons, err.Error())
	}
	return embeddedBackend{reasons}
}

// newBackend returns the backend of that name, or why it cannot be had.
func newBackend(name string) (backend, error) {
	switch name {
	case backendAddrs:
		return newAddrsBackend(os.Getenv(envAddrs))
	case backendProcess:
		return newProcessBackend()
	case backendDocker:
		return newDockerBackend(os.Getenv(envImage))
	case backendEmbedded:
		return embeddedBackend{}, nil
	default:
		known := []string{backendAddrs, backendProcess, backendDocker, backendEmbedded}
		return nil, fmt.Errorf("no such backend, want one of %s", strings.Join(known, ", "))
	}
}
