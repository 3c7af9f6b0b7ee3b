package redistest

import (
	"net"
	"sync"
	"sync/atomic"
)

// dials counts the connections that clients have made, from their side: a proxy sees the end
// of one later, and maybe only after the beginning of the next.
type dials struct {
	mu                    sync.Mutex
	made, open, max, late int64
}

// Dialled is how many connections were made with DialContext, and how many of them were open at
// a time, at most. It leaves out of made those that a client closed while it waited for an
// answer, or before it used them: it has given up there, and needs another one.
func (p *Proxy) Dialled() (made, together int64) {
	p.dials.mu.Lock()
	defer p.dials.mu.Unlock()
	return p.dials.made - p.dials.late, p.dials.max
}

// counted counts a connection as open until its client closes it.
func (d *dials) counted(conn net.Conn) net.Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.made++
	d.open++
	d.max = max(d.max, d.open)
	c := &dialled{TCPConn: conn.(*net.TCPConn), dials: d}
	c.waits.Store(true)
	return c
}

// dialled is a client's end of a connection, with all that clients ask of one to a server.
type dialled struct {
	*net.TCPConn
	dials  *dials
	waits  atomic.Bool // was written to since it was read from, or was not used yet
	closed sync.Once
}

func (c *dialled) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	if n > 0 {
		c.waits.Store(false)
	}
	return n, err
}

func (c *dialled) Write(b []byte) (int, error) {
	c.waits.Store(true)
	return c.TCPConn.Write(b)
}

func (c *dialled) Close() error {
	c.closed.Do(func() {
		c.dials.mu.Lock()
		defer c.dials.mu.Unlock()
		c.dials.open--
		if c.waits.Load() {
			c.dials.late++
		}
	})
	return c.TCPConn.Close()
}
