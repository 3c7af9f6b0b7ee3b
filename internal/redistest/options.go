package redistest

import "strings"

// Option changes the nodes that Start starts.
type Option func(*config)

// config is what the options say.
type config struct {
	proxy      bool
	address    bool
	directives [][]string // each one a name and its arguments
}

// WithProxy puts a Proxy in front of each node: Addr is then the proxy's
// address. Without it clients talk to the node directly.
func WithProxy() Option {
	return func(c *config) { c.proxy = true }
}

// WithOwnAddress gives each node an IP address that nothing else has, in a network
// of its own, rather than a port of this machine. Backends that cannot do it skip the
// test: ask Has first to do without. While such a node is killed, or disconnected, its
// address does not refuse a connection: it is unreachable.
func WithOwnAddress() Option {
	return func(c *config) { c.address = true }
}

// WithConfig starts each node with directives of redis.conf, like "requirepass
// secret" or "maxmemory 1mb". Words are separated by spaces; "" is the empty
// word. The default is no persistence and nothing else. Backends that cannot do
// it (addrs, embedded) skip the test.
func WithConfig(directives ...string) Option {
	return func(c *config) {
		for _, directive := range directives {
			c.directives = append(c.directives, words(directive))
		}
	}
}

// words splits a directive at its spaces.
func words(directive string) []string {
	fields := strings.Fields(directive)
	for i, field := range fields {
		if field == `""` {
			fields[i] = ""
		}
	}
	return fields
}

// newConfig returns what opts say.
func newConfig(opts []Option) config {
	var c config
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// args returns the directives as arguments of redis-server.
func (c config) args() []string {
	var args []string
	for _, directive := range c.directives {
		args = append(args, "--"+directive[0])
		args = append(args, directive[1:]...)
	}
	return args
}

// password is what a connection has to send first: the last requirepass.
func (c config) password() string {
	password := ""
	for _, directive := range c.directives {
		if strings.EqualFold(directive[0], "requirepass") && len(directive) > 1 {
			password = directive[1]
		}
	}
	return password
}
