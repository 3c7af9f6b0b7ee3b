package driver

import (
	"net"
	"path"
	"strings"
)

// Located is implemented by a Pool that knows where its server is.
type Located interface {
	// Addr is the address that errors name beside the node's number, or "".
	Addr() string
}

// Identified is implemented by a Pool that knows, without asking a server, that it
// leads to the same one as another.
type Identified interface {
	// Identity returns comparable values, each of which stands for a server: the
	// client, for example, and an [Endpoint]. Pools that share one are not independent,
	// and the engine reports that as a misconfiguration.
	Identity() []any
}

// Endpoint is the address of a server, in a form in which equal ones are the same
// server. Databases are not part of it: they are lost together.
type Endpoint string

// NewEndpoint makes one of an address as clients take it. No name is looked up, so it
// knows only that localhost is 127.0.0.1.
func NewEndpoint(network, addr string) Endpoint {
	if network == "unix" {
		return Endpoint(path.Clean(addr))
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return Endpoint(addr)
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || host == "" {
		host = "127.0.0.1"
	}
	return Endpoint(net.JoinHostPort(host, port))
}
