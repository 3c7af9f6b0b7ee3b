package redistest

import (
	"errors"
	"fmt"
	"strings"
)

// addrsBackend hands out servers that run already.
type addrsBackend struct{ addrs []string }

// newAddrsBackend reads a comma-separated list of addresses.
func newAddrsBackend(list string) (backend, error) {
	var addrs []string
	for addr := range strings.SplitSeq(list, ",") {
		if addr = strings.TrimSpace(addr); addr != "" {
			addrs = append(addrs, addr)
		}
	}
	if len(addrs) == 0 {
		return nil, errors.New(envAddrs + " is empty")
	}
	return addrsBackend{addrs}, nil
}

func (b addrsBackend) name() string     { return backendAddrs }
func (b addrsBackend) describe() string { return strings.Join(b.addrs, ", ") }

func (b addrsBackend) lacks(Ability) string {
	return "the servers of " + envAddrs + " are shared with others"
}

func (b addrsBackend) room(n int) string {
	if n <= len(b.addrs) {
		return ""
	}
	return fmt.Sprintf("%s has %d addresses, the test needs %d", envAddrs, len(b.addrs), n)
}

func (b addrsBackend) start(i int, _ config) (server, error) {
	return addrsServer(b.addrs[i]), nil
}

// addrsServer is the address of a server that runs already.
type addrsServer string

func (s addrsServer) addr() string   { return string(s) }
func (s addrsServer) pause() error   { return errUnsupported }
func (s addrsServer) resume() error  { return errUnsupported }
func (s addrsServer) kill() error    { return errUnsupported }
func (s addrsServer) restart() error { return errUnsupported }
func (s addrsServer) stop() error    { return nil }
