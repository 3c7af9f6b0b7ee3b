package redistest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
)

// commandTimeout is how long the package's own commands may take. It is far more
// than any of them needs, and far less than a test's time.
const commandTimeout = time.Minute

// Do runs a command on the node and returns its reply: an int64, a string (also
// for bulk replies), nil, or a []any of these. An error fails the test.
//
// The command takes a connection of its own past any proxy, so a fault in
// between does not touch it. A paused or killed node does not answer it either.
func (n *Node) Do(t testing.TB, args ...any) any {
	t.Helper()
	reply, err := n.TryDo(args...)
	if err != nil {
		t.Fatalf("redistest: %s: %v: %v", n.direct, args, err)
	}
	return reply
}

// TryDo is Do that returns the error. One that the server sent is a redigo
// redis.Error.
func (n *Node) TryDo(args ...any) (any, error) {
	return n.private.do(args...)
}

// private is a connection that is made when it is needed, and again after it
// broke. Commands take turns.
type private struct {
	addr     string
	password string

	mu   sync.Mutex
	conn redis.Conn // nil when there is none; guarded by mu
}

// do runs a command, name first. A command whose connection turns out to be
// broken is not repeated: it may have run. The next one takes a new connection.
func (p *private) do(args ...any) (any, error) {
	if len(args) == 0 {
		return nil, errors.New("redistest: no command")
	}
	name, ok := args[0].(string)
	if !ok {
		return nil, errors.New("redistest: a command's name is a string")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.connect(); err != nil {
		return nil, err
	}
	reply, err := p.conn.Do(name, args[1:]...)
	return plain(reply), err
}

// connect makes sure that there is a connection that was not seen to break.
func (p *private) connect() error {
	if p.conn != nil && p.conn.Err() == nil {
		return nil
	}
	p.drop()
	conn, err := dial(p.addr, p.password)
	if err == nil {
		p.conn = conn
	}
	return err
}

// drop closes the connection, if there is one. The caller holds mu.
func (p *private) drop() {
	if p.conn != nil {
		_ = p.conn.Close()
		p.conn = nil
	}
}

// close ends the connection. A later command would make a new one.
func (p *private) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.drop()
}

// dial connects to a server for commands of the package itself.
func dial(addr, password string) (redis.Conn, error) {
	return redis.Dial("tcp", addr,
		redis.DialPassword(password),
		redis.DialConnectTimeout(commandTimeout),
		redis.DialReadTimeout(commandTimeout),
		redis.DialWriteTimeout(commandTimeout))
}

// plain turns the byte slices of a reply into strings.
func plain(reply any) any {
	switch r := reply.(type) {
	case []byte:
		return string(r)
	case []any:
		for i := range r {
			r[i] = plain(r[i])
		}
	}
	return reply
}
