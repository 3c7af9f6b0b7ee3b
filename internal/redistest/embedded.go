package redistest

import (
	"strings"

	"github.com/holdfast-go/holdfast/internal/redistest/embedded"
)

// embeddedBackend runs nodes inside the test binary.
type embeddedBackend struct {
	reasons []string // why it was not another backend
}

func (b embeddedBackend) name() string    { return backendEmbedded }
func (b embeddedBackend) room(int) string { return "" }

func (b embeddedBackend) describe() string {
	const what = "miniredis in the test binary"
	if len(b.reasons) == 0 {
		return what
	}
	return what + " (" + strings.Join(b.reasons, "; ") + ")"
}

func (embeddedBackend) lacks(a Ability) string {
	switch a {
	case CanConfig:
		return "miniredis takes no configuration"
	case CanAddress:
		return "miniredis listens on this machine's own address"
	case CanKillClients:
		return "miniredis has no CLIENT KILL"
	case CanReplicate:
		return "miniredis has no replication"
	case CanCount:
		return "miniredis does not count its commands"
	case CanDisconnect:
		return "embedded nodes share the network of this machine"
	}
	return ""
}

func (embeddedBackend) start(int, config) (server, error) {
	node, err := embedded.Start()
	if err != nil {
		return nil, err
	}
	return embeddedServer{node}, nil
}

// embeddedServer is an embedded node as a server.
type embeddedServer struct{ node *embedded.Node }

func (s embeddedServer) addr() string   { return s.node.Addr() }
func (s embeddedServer) pause() error   { s.node.Pause(); return nil }
func (s embeddedServer) resume() error  { s.node.Resume(); return nil }
func (s embeddedServer) kill() error    { s.node.Stop(); return nil }
func (s embeddedServer) restart() error { return s.node.Restart() }
func (s embeddedServer) stop() error    { s.node.Close(); return nil }
